// SPDX-License-Identifier: Apache-2.0
#include "CPNGCalls.h"

#include <errno.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// A chunk of text or colour profile larger than this is refused: libpng would hold it in memory whole.
#define MAX_CHUNK_BYTES (4u << 20)
#define MAX_CACHED_CHUNKS 8
// What is read from a file at once.
#define FILE_PIECE 65536

struct orizuru_png_reader {
    png_structp png;
    png_infop info;
    const uint8_t *next;
    size_t left;
    orizuru_png_header header;
    int passes;
    char *message;
    // -1 where the picture is in memory. Otherwise `next` and `left` lie in `piece`, FILE_PIECE bytes of our own.
    int descriptor;
    uint8_t *piece;
    int unreadable;
};

typedef struct {
    uint8_t *bytes;
    size_t count;
    size_t capacity;
} growing_bytes;

static void set_message(char *message, const char *text) {
    size_t count = strnlen(text, ORIZURU_PNG_MESSAGE - 1);
    memcpy(message, text, count);
    message[count] = 0;
}

// The error pointer is where the caller wants the message: a `char **`, because it differs from call to call.
static void on_error(png_structp png, png_const_charp text) {
    char **message = png_get_error_ptr(png);
    if (message && *message) set_message(*message, text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

static void read_bytes(png_structp png, png_bytep destination, size_t count) {
    orizuru_png_reader *reader = png_get_io_ptr(png);
    while (reader->descriptor >= 0 && count > reader->left) {
        memcpy(destination, reader->next, reader->left);
        destination += reader->left;
        count -= reader->left;
        ssize_t got;
        do {
            got = read(reader->descriptor, reader->piece, FILE_PIECE);
        } while (got < 0 && errno == EINTR);
        if (got < 0) {
            reader->unreadable = 1;
            png_error(png, strerror(errno));
        }
        if (got == 0) png_error(png, "the data ends too early");
        reader->next = reader->piece;
        reader->left = (size_t)got;
    }
    if (count > reader->left) png_error(png, "the data ends too early");
    memcpy(destination, reader->next, count);
    reader->next += count;
    reader->left -= count;
}

// What both ways of opening share: `reader` has its source and is closed here where it fails. `has_alpha` is asked for
// where colour is to have four channels in any case.
static int open_reader(orizuru_png_reader *reader, const orizuru_png_limits *limits, orizuru_png_header *header,
                       int *has_alpha, orizuru_png_reader **out, char message[ORIZURU_PNG_MESSAGE]) {
    reader->message = message;
    reader->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader->message, on_error, on_warning);
    if (reader->png) reader->info = png_create_info_struct(reader->png);
    if (!reader->png || !reader->info) {
        orizuru_png_close(reader);
        return ORIZURU_PNG_NO_MEMORY;
    }
    if (setjmp(png_jmpbuf(reader->png))) {
        int result = reader->unreadable ? ORIZURU_PNG_UNREADABLE : ORIZURU_PNG_BROKEN;
        orizuru_png_close(reader);
        return result;
    }
    png_structp png = reader->png;
    png_infop info = reader->info;
    // The sides are checked below, by our own limits, so that the answer can name the size.
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
    png_set_chunk_malloc_max(png, MAX_CHUNK_BYTES);
    png_set_chunk_cache_max(png, MAX_CACHED_CHUNKS);
    png_set_read_fn(png, reader, read_bytes);
    png_read_info(png, info);

    header->width = png_get_image_width(png, info);
    header->height = png_get_image_height(png, info);
    if (header->width > limits->max_width || header->height > limits->max_height ||
        (uint64_t)header->width * header->height > limits->max_pixels) {
        orizuru_png_close(reader);
        return ORIZURU_PNG_TOO_LARGE;
    }
    png_set_user_limits(png, limits->max_width, limits->max_height);

    int colour = png_get_color_type(png, info);
    int transparent = png_get_valid(png, info, PNG_INFO_tRNS) != 0;
    png_set_expand(png);
    png_set_strip_16(png);
    if (colour == PNG_COLOR_TYPE_GRAY_ALPHA || (colour == PNG_COLOR_TYPE_GRAY && transparent))
        png_set_gray_to_rgb(png);
    if (has_alpha) {
        *has_alpha = transparent || (colour & PNG_COLOR_MASK_ALPHA) != 0;
        if (!*has_alpha && (colour & PNG_COLOR_MASK_COLOR)) png_set_filler(png, 0xFF, PNG_FILLER_AFTER);
    }
    reader->passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    header->channels = png_get_channels(png, info);
    header->interlaced = reader->passes > 1;
    if (png_get_bit_depth(png, info) != 8 ||
        (header->channels != 1 && header->channels != 3 && header->channels != 4) ||
        png_get_rowbytes(png, info) != (size_t)header->width * header->channels) {
        set_message(message, "an unknown pixel layout");
        orizuru_png_close(reader);
        return ORIZURU_PNG_BROKEN;
    }
    reader->header = *header;
    reader->message = NULL;
    *out = reader;
    return ORIZURU_PNG_OK;
}

int orizuru_png_open(const uint8_t *bytes, size_t count, const orizuru_png_limits *limits, orizuru_png_header *header,
                     orizuru_png_reader **out, char message[ORIZURU_PNG_MESSAGE]) {
    *out = NULL;
    memset(header, 0, sizeof *header);
    message[0] = 0;
    if (count < 8 || png_sig_cmp(bytes, 0, 8) != 0) {
        set_message(message, "no PNG signature");
        return ORIZURU_PNG_BROKEN;
    }
    orizuru_png_reader *reader = calloc(1, sizeof *reader);
    if (!reader) return ORIZURU_PNG_NO_MEMORY;
    reader->descriptor = -1;
    reader->next = bytes;
    reader->left = count;
    return open_reader(reader, limits, header, NULL, out, message);
}

int orizuru_png_open_file(int descriptor, const orizuru_png_limits *limits, orizuru_png_header *header, int *has_alpha,
                          orizuru_png_reader **out, char message[ORIZURU_PNG_MESSAGE]) {
    *out = NULL;
    memset(header, 0, sizeof *header);
    message[0] = 0;
    *has_alpha = 0;
    orizuru_png_reader *reader = calloc(1, sizeof *reader);
    if (!reader) return ORIZURU_PNG_NO_MEMORY;
    reader->descriptor = descriptor;
    reader->piece = malloc(FILE_PIECE);
    reader->next = reader->piece;
    if (!reader->piece) {
        orizuru_png_close(reader);
        return ORIZURU_PNG_NO_MEMORY;
    }
    return open_reader(reader, limits, header, has_alpha, out, message);
}

static int read_passes(orizuru_png_reader *reader, uint8_t *pixels, size_t stride, uint32_t count, int passes,
                       char *message) {
    message[0] = 0;
    reader->message = message;
    if (setjmp(png_jmpbuf(reader->png))) {
        reader->message = NULL;
        return reader->unreadable ? ORIZURU_PNG_UNREADABLE : ORIZURU_PNG_BROKEN;
    }
    for (int pass = 0; pass < passes; pass++) {
        for (uint32_t row = 0; row < count; row++) {
            png_read_row(reader->png, pixels + (size_t)row * stride, NULL);
        }
    }
    reader->message = NULL;
    return ORIZURU_PNG_OK;
}

int orizuru_png_read_image(orizuru_png_reader *reader, uint8_t *pixels, size_t stride,
                           char message[ORIZURU_PNG_MESSAGE]) {
    int result = read_passes(reader, pixels, stride, reader->header.height, reader->passes, message);
    if (result != ORIZURU_PNG_OK) return result;
    // The rest of the stream, so that a file cut off behind its pixels is noticed, too.
    reader->message = message;
    if (setjmp(png_jmpbuf(reader->png))) {
        reader->message = NULL;
        return ORIZURU_PNG_BROKEN;
    }
    png_read_end(reader->png, NULL);
    reader->message = NULL;
    return ORIZURU_PNG_OK;
}

int orizuru_png_read_rows(orizuru_png_reader *reader, uint8_t *pixels, size_t stride, uint32_t count,
                          char message[ORIZURU_PNG_MESSAGE]) {
    if (reader->passes != 1) {
        set_message(message, "an interlaced picture cannot be read row by row");
        return ORIZURU_PNG_BROKEN;
    }
    return read_passes(reader, pixels, stride, count, 1, message);
}

void orizuru_png_close(orizuru_png_reader *reader) {
    if (!reader) return;
    if (reader->png) png_destroy_read_struct(&reader->png, reader->info ? &reader->info : NULL, NULL);
    free(reader->piece);
    free(reader);
}

static void write_bytes(png_structp png, png_bytep bytes, size_t count) {
    growing_bytes *to = png_get_io_ptr(png);
    if (count > to->capacity - to->count) {
        size_t capacity = to->capacity * 2;
        if (capacity < to->count + count) capacity = to->count + count;
        uint8_t *larger = realloc(to->bytes, capacity);
        if (!larger) png_error(png, "out of memory");
        to->bytes = larger;
        to->capacity = capacity;
    }
    memcpy(to->bytes + to->count, bytes, count);
    to->count += count;
}

static void flush_bytes(png_structp png) { (void)png; }

int orizuru_png_encode(const orizuru_png_form *form, const uint8_t *pixels, size_t stride, uint8_t **encoded,
                       size_t *encoded_count, char message[ORIZURU_PNG_MESSAGE]) {
    *encoded = NULL;
    *encoded_count = 0;
    message[0] = 0;
    char *message_slot = message;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &message_slot, on_error, on_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    growing_bytes *to = calloc(1, sizeof *to);
    if (to) {
        to->capacity = 16384;
        to->bytes = malloc(to->capacity);
    }
    if (!png || !info || !to || !to->bytes) {
        if (png) png_destroy_write_struct(&png, info ? &info : NULL);
        if (to) free(to->bytes);
        free(to);
        return ORIZURU_PNG_NO_MEMORY;
    }
    if (setjmp(png_jmpbuf(png))) {
        png_destroy_write_struct(&png, &info);
        free(to->bytes);
        free(to);
        return ORIZURU_PNG_BROKEN;
    }
    png_set_write_fn(png, to, write_bytes, flush_bytes);
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
    int colour = form->palette_count ? PNG_COLOR_TYPE_PALETTE
                 : form->channels == 1 ? PNG_COLOR_TYPE_GRAY
                 : form->channels == 3 ? PNG_COLOR_TYPE_RGB
                                       : PNG_COLOR_TYPE_RGB_ALPHA;
    int depth = 8;
    if (form->palette_count) {
        depth = form->palette_count <= 2 ? 1 : form->palette_count <= 4 ? 2 : form->palette_count <= 16 ? 4 : 8;
    }
    png_set_IHDR(png, info, form->width, form->height, depth, colour, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (form->palette_count) {
        png_color colours[256];
        png_byte alphas[256];
        int transparent = 0;
        for (uint32_t i = 0; i < form->palette_count && i < 256; i++) {
            colours[i].red = form->palette[i * 4];
            colours[i].green = form->palette[i * 4 + 1];
            colours[i].blue = form->palette[i * 4 + 2];
            alphas[i] = form->palette[i * 4 + 3];
            if (alphas[i] != 255) transparent = (int)i + 1;
        }
        png_set_PLTE(png, info, colours, (int)form->palette_count);
        if (transparent) png_set_tRNS(png, info, alphas, transparent, NULL);
    }
    png_set_compression_level(png, form->level);
    png_set_compression_strategy(png, form->strategy);
    png_set_filter(png, PNG_FILTER_TYPE_BASE, form->filter_up ? PNG_FILTER_UP : PNG_FILTER_NONE);
    png_write_info(png, info);
    if (depth < 8) png_set_packing(png);
    for (uint32_t row = 0; row < form->height; row++) png_write_row(png, pixels + (size_t)row * stride);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    *encoded = to->bytes;
    *encoded_count = to->count;
    free(to);
    return ORIZURU_PNG_OK;
}

void orizuru_png_free(uint8_t *encoded) { free(encoded); }
