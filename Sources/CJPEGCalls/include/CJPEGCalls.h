// SPDX-License-Identifier: Apache-2.0
//
// libjpeg's decoder by rows, by calls that cannot jump: every setjmp and longjmp begins and ends inside one function of
// CJPEGCalls.c, so no Swift frame is ever jumped over. Without the package trait JPEGRows
// nothing of it is defined, or called.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    ORIZURU_JPEG_OK = 0,
    /// No JPEG, or a broken one; libjpeg's warnings count as that.
    ORIZURU_JPEG_BROKEN = 1,
    /// A colour space that is not handled, such as CMYK.
    ORIZURU_JPEG_UNSUPPORTED = 2,
    ORIZURU_JPEG_NO_MEMORY = 3,
    /// The file could not be read; the message says why.
    ORIZURU_JPEG_UNREADABLE = 4,
};

/// How rows arrive.
enum {
    /// One plane.
    ORIZURU_JPEG_GRAY = 0,
    /// Three planes as they are stored, chroma of the picture's size.
    ORIZURU_JPEG_PLANES_444 = 1,
    /// Three planes as they are stored, chroma of half the size in each direction.
    ORIZURU_JPEG_PLANES_420 = 2,
    /// Y, Cb and Cr interleaved, chroma doubled by the library.
    ORIZURU_JPEG_YCC = 3,
    /// R, G and B interleaved.
    ORIZURU_JPEG_RGB = 4,
};

typedef struct {
    uint32_t width;
    uint32_t height;
    int form;
    /// Rows that one call gives.
    uint32_t rows_at_once;
    /// Samples that a row of a luma plane must have room for, and one of a chroma plane; for interleaved rows pixels.
    uint32_t luma_width;
    uint32_t chroma_width;
    /// What the library holds of the whole picture where it is progressive; 0 otherwise.
    uint64_t held_bytes;
} orizuru_jpeg_header;

/// Room for a message, the final zero included.
#define ORIZURU_JPEG_MESSAGE 200

typedef struct orizuru_jpeg_reader orizuru_jpeg_reader;

/// Reads the header of the file that is open as `descriptor`, from its beginning: it stays the caller's, and must stay
/// open until the reader is closed. On success `*reader` must be closed by orizuru_jpeg_close; otherwise it is NULL.
int orizuru_jpeg_open(int descriptor, orizuru_jpeg_header *header, orizuru_jpeg_reader **reader,
                      char message[ORIZURU_JPEG_MESSAGE]);

/// Reads the next `rows_at_once` rows into planes whose rows are so many bytes apart and have room for `luma_width` and
/// `chroma_width` samples; all of them are written, those behind the last row of the picture too. Interleaved and gray
/// rows go to `luma` alone, and behind the last row nothing is written. 4:2:0 chroma has half as many rows.
int orizuru_jpeg_read(orizuru_jpeg_reader *reader, uint8_t *luma, size_t luma_stride, uint8_t *blue, uint8_t *red,
                      size_t chroma_stride, char message[ORIZURU_JPEG_MESSAGE]);

void orizuru_jpeg_close(orizuru_jpeg_reader *reader);
