// SPDX-License-Identifier: Apache-2.0
//
// libpng by calls that cannot jump: every setjmp and longjmp begins and ends inside one function of CPNGCalls.c, so no
// Swift frame is ever jumped over. No policy: limits, levels and filters are the caller's.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// What a decoder may accept. All must be above 0.
typedef struct {
    uint32_t max_width;
    uint32_t max_height;
    uint64_t max_pixels;
} orizuru_png_limits;

/// What the pixels will be after decoding: 8 bits a channel, interleaved.
typedef struct {
    uint32_t width;
    uint32_t height;
    /// 1 gray, 3 RGB, 4 RGBA.
    uint32_t channels;
    /// 1 where the rows arrive in several passes: then only the whole picture can be read.
    uint32_t interlaced;
} orizuru_png_header;

enum {
    ORIZURU_PNG_OK = 0,
    /// The bytes are no PNG, or a broken one; the message says more.
    ORIZURU_PNG_BROKEN = 1,
    /// The declared size is beyond the limits: width and height in the header are set.
    ORIZURU_PNG_TOO_LARGE = 2,
    ORIZURU_PNG_NO_MEMORY = 3,
    /// The file could not be read; the message says why.
    ORIZURU_PNG_UNREADABLE = 4,
};

/// Room for a message, the final zero included.
#define ORIZURU_PNG_MESSAGE 160

typedef struct orizuru_png_reader orizuru_png_reader;

/// Reads the chunks before the pixels. `bytes` must stay alive until the reader is closed. On success `*reader` must be
/// closed by orizuru_png_close; otherwise it is NULL.
int orizuru_png_open(const uint8_t *bytes, size_t count, const orizuru_png_limits *limits, orizuru_png_header *header,
                     orizuru_png_reader **reader, char message[ORIZURU_PNG_MESSAGE]);

/// The same, of the file that is open as `descriptor`, from its beginning: it stays the caller's, is read in pieces, and
/// must stay open until the reader is closed. Colour pictures have 4 channels whether they have alpha or not;
/// `*has_alpha` says which.
int orizuru_png_open_file(int descriptor, const orizuru_png_limits *limits, orizuru_png_header *header, int *has_alpha,
                          orizuru_png_reader **reader, char message[ORIZURU_PNG_MESSAGE]);

/// Reads all rows into `pixels`, `stride` bytes apart (at least width * channels). Once per reader, not after rows.
int orizuru_png_read_image(orizuru_png_reader *reader, uint8_t *pixels, size_t stride,
                           char message[ORIZURU_PNG_MESSAGE]);

/// Reads the next `count` rows; only for pictures that are not interlaced. At most `height` rows in all.
int orizuru_png_read_rows(orizuru_png_reader *reader, uint8_t *pixels, size_t stride, uint32_t count,
                          char message[ORIZURU_PNG_MESSAGE]);

void orizuru_png_close(orizuru_png_reader *reader);

/// What is to be written, and how it is compressed.
typedef struct {
    uint32_t width;
    uint32_t height;
    /// 1 gray, 3 RGB, 4 RGBA; 1 where a palette is given (indices, a byte each).
    uint32_t channels;
    /// 0, or 1...256 colours of `palette`.
    uint32_t palette_count;
    /// 4 bytes a colour: R, G, B, A.
    const uint8_t *palette;
    /// 0...9.
    int level;
    /// A strategy of zlib: 0 default, 1 filtered, 2 Huffman only, 3 run lengths.
    int strategy;
    /// 0 no filters, 1 the up filter on every row.
    int filter_up;
} orizuru_png_form;

/// Encodes rows `stride` bytes apart. On success `*encoded` must be freed by orizuru_png_free.
int orizuru_png_encode(const orizuru_png_form *form, const uint8_t *pixels, size_t stride, uint8_t **encoded,
                       size_t *encoded_count, char message[ORIZURU_PNG_MESSAGE]);

void orizuru_png_free(uint8_t *encoded);
