// SPDX-License-Identifier: Apache-2.0
#include "CJPEGCalls.h"

#ifdef JPEGRows

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jpeglib.h>

#define FILE_PIECE 65536
// A progressive file of more scans than this is taken for hostile, as TurboJPEG's limit does.
#define MAX_SCANS 500

struct orizuru_jpeg_reader {
    struct jpeg_decompress_struct info;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf jump;
    int result;
    int descriptor;
    int is_open;
    int is_started;
    int form;
    char *message;
    uint8_t piece[FILE_PIECE];
};

static orizuru_jpeg_reader *owner(j_common_ptr info) { return info->client_data; }

static void fail(orizuru_jpeg_reader *reader, int result, const char *text) {
    reader->result = result;
    if (reader->message) {
        size_t count = strnlen(text, ORIZURU_JPEG_MESSAGE - 1);
        memcpy(reader->message, text, count);
        reader->message[count] = 0;
    }
    longjmp(reader->jump, 1);
}

static void on_error(j_common_ptr info) {
    char text[JMSG_LENGTH_MAX];
    info->err->format_message(info, text);
    fail(owner(info), ORIZURU_JPEG_BROKEN, text);
}

// What libjpeg only warns of is made up: an error here.
static void on_message(j_common_ptr info, int level) {
    if (level < 0) on_error(info);
}

static void on_output(j_common_ptr info) { (void)info; }

static void on_progress(j_common_ptr info) {
    if (info->is_decompressor && ((j_decompress_ptr)info)->input_scan_number > MAX_SCANS)
        fail(owner(info), ORIZURU_JPEG_BROKEN, "too many scans");
}

static void source_nothing(j_decompress_ptr info) { (void)info; }

static boolean source_fill(j_decompress_ptr info) {
    orizuru_jpeg_reader *reader = owner((j_common_ptr)info);
    ssize_t got;
    do {
        got = read(reader->descriptor, reader->piece, FILE_PIECE);
    } while (got < 0 && errno == EINTR);
    if (got < 0) fail(reader, ORIZURU_JPEG_UNREADABLE, strerror(errno));
    if (got == 0) fail(reader, ORIZURU_JPEG_BROKEN, "the data ends too early");
    reader->source.next_input_byte = reader->piece;
    reader->source.bytes_in_buffer = (size_t)got;
    return TRUE;
}

static void source_skip(j_decompress_ptr info, long count) {
    orizuru_jpeg_reader *reader = owner((j_common_ptr)info);
    if (count <= 0) return;
    size_t left = (size_t)count;
    while (left > reader->source.bytes_in_buffer) {
        left -= reader->source.bytes_in_buffer;
        source_fill(info);
    }
    reader->source.next_input_byte += left;
    reader->source.bytes_in_buffer -= left;
}

int orizuru_jpeg_open(int descriptor, orizuru_jpeg_header *header, orizuru_jpeg_reader **out,
                      char message[ORIZURU_JPEG_MESSAGE]) {
    *out = NULL;
    memset(header, 0, sizeof *header);
    message[0] = 0;
    orizuru_jpeg_reader *reader = calloc(1, sizeof *reader);
    if (!reader) return ORIZURU_JPEG_NO_MEMORY;
    reader->descriptor = descriptor;
    reader->message = message;
    reader->info.err = jpeg_std_error(&reader->errors);
    reader->errors.error_exit = on_error;
    reader->errors.emit_message = on_message;
    reader->errors.output_message = on_output;
    reader->info.client_data = reader;
    if (setjmp(reader->jump)) {
        int result = reader->result;
        orizuru_jpeg_close(reader);
        return result;
    }
    struct jpeg_decompress_struct *info = &reader->info;
    jpeg_create_decompress(info);
    reader->is_open = 1;
    // jpeg_create_decompress clears the structure but for err and client_data.
    reader->source.init_source = source_nothing;
    reader->source.fill_input_buffer = source_fill;
    reader->source.skip_input_data = source_skip;
    reader->source.resync_to_restart = jpeg_resync_to_restart;
    reader->source.term_source = source_nothing;
    info->src = &reader->source;
    reader->progress.progress_monitor = on_progress;
    info->progress = &reader->progress;
    jpeg_read_header(info, TRUE);

    info->dct_method = JDCT_ISLOW;
    const jpeg_component_info *parts = info->comp_info;
    int is_colour = info->num_components == 3 && info->jpeg_color_space == JCS_YCbCr &&
                    parts[1].h_samp_factor == 1 && parts[1].v_samp_factor == 1 && parts[2].h_samp_factor == 1 &&
                    parts[2].v_samp_factor == 1;
    if (info->jpeg_color_space == JCS_GRAYSCALE) {
        reader->form = ORIZURU_JPEG_GRAY;
        info->out_color_space = JCS_GRAYSCALE;
    } else if (is_colour && parts[0].h_samp_factor == 1 && parts[0].v_samp_factor == 1) {
        reader->form = ORIZURU_JPEG_PLANES_444;
        info->raw_data_out = TRUE;
    } else if (is_colour && parts[0].h_samp_factor == 2 && parts[0].v_samp_factor == 2) {
        reader->form = ORIZURU_JPEG_PLANES_420;
        info->raw_data_out = TRUE;
    } else if (info->jpeg_color_space == JCS_YCbCr) {
        reader->form = ORIZURU_JPEG_YCC;
        info->out_color_space = JCS_YCbCr;
    } else if (info->jpeg_color_space == JCS_RGB) {
        reader->form = ORIZURU_JPEG_RGB;
        info->out_color_space = JCS_RGB;
    } else {
        fail(reader, ORIZURU_JPEG_UNSUPPORTED, "this colour space");
    }
    if (info->raw_data_out) info->out_color_space = JCS_YCbCr;
    int is_quarter = reader->form == ORIZURU_JPEG_PLANES_420;
    uint32_t unit = is_quarter ? 16 : 8;
    header->width = info->image_width;
    header->height = info->image_height;
    header->form = reader->form;
    header->rows_at_once = info->raw_data_out ? unit : 16;
    header->luma_width = info->raw_data_out ? (header->width + unit - 1) / unit * unit : header->width;
    header->chroma_width = is_quarter ? header->luma_width / 2 : header->luma_width;
    if (jpeg_has_multiple_scans(info)) {
        for (int part = 0; part < info->num_components; part++)
            header->held_bytes += (uint64_t)parts[part].width_in_blocks * parts[part].height_in_blocks *
                                  sizeof(JBLOCK);
    }
    reader->message = NULL;
    *out = reader;
    return ORIZURU_JPEG_OK;
}

int orizuru_jpeg_read(orizuru_jpeg_reader *reader, uint8_t *luma, size_t luma_stride, uint8_t *blue, uint8_t *red,
                      size_t chroma_stride, char message[ORIZURU_JPEG_MESSAGE]) {
    struct jpeg_decompress_struct *info = &reader->info;
    message[0] = 0;
    reader->message = message;
    if (setjmp(reader->jump)) {
        reader->message = NULL;
        return reader->result;
    }
    if (!reader->is_started) {
        jpeg_start_decompress(info);
        reader->is_started = 1;
    }
    JSAMPROW rows[3][16];
    if (info->raw_data_out) {
        int unit = reader->form == ORIZURU_JPEG_PLANES_420 ? 16 : 8;
        for (int row = 0; row < unit; row++) rows[0][row] = luma + (size_t)row * luma_stride;
        for (int row = 0; row < 8; row++) {
            rows[1][row] = blue + (size_t)row * chroma_stride;
            rows[2][row] = red + (size_t)row * chroma_stride;
        }
        JSAMPARRAY planes[3] = {rows[0], rows[1], rows[2]};
        if (jpeg_read_raw_data(info, planes, (JDIMENSION)unit) == 0)
            fail(reader, ORIZURU_JPEG_BROKEN, "the data ends too early");
    } else {
        uint32_t row = 0;
        while (row < 16 && info->output_scanline < info->output_height) {
            rows[0][0] = luma + (size_t)row * luma_stride;
            if (jpeg_read_scanlines(info, rows[0], 1) == 0)
                fail(reader, ORIZURU_JPEG_BROKEN, "the data ends too early");
            row++;
        }
    }
    reader->message = NULL;
    return ORIZURU_JPEG_OK;
}

void orizuru_jpeg_close(orizuru_jpeg_reader *reader) {
    if (!reader) return;
    if (reader->is_open) jpeg_destroy_decompress(&reader->info);
    free(reader);
}

#else

// A target must hold something.
extern int orizuru_jpeg_rows_are_absent;
int orizuru_jpeg_rows_are_absent = 1;

#endif
