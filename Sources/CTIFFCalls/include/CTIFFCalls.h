// SPDX-License-Identifier: Apache-2.0
//
// libtiff's first picture by bands of rows, without variable argument lists, which Swift cannot call. Without the
// package trait TIFF nothing of it is defined, or called.
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint32_t width;
    uint32_t height;
    /// Rows that are decoded at once: a row of tiles, or a strip.
    uint32_t band_rows;
    /// Pixels per centimetre; 0 where the file does not say.
    double pixels_per_centimetre;
} orizuru_tiff_header;

/// Room for a message or a description, the final zero included.
#define ORIZURU_TIFF_TEXT 4096

typedef struct orizuru_tiff_reader orizuru_tiff_reader;

/// Opens a file by its path. On success the reader must be closed; otherwise it is NULL and the message says why.
/// `description` gets the text of the tag ImageDescription, cut to its room.
orizuru_tiff_reader *orizuru_tiff_open(const char *path, orizuru_tiff_header *header,
                                       char description[ORIZURU_TIFF_TEXT], char message[ORIZURU_TIFF_TEXT]);

/// Decodes the band that begins at `row`, a multiple of band_rows, into rows of R, G, B, A, `stride` bytes apart (at
/// least 4 * width), as many as are left, at most band_rows; tiles that a sparse file leaves out are white. Returns 0 where it could not.
int orizuru_tiff_read_band(orizuru_tiff_reader *reader, uint32_t row, uint8_t *pixels, size_t stride,
                           char message[ORIZURU_TIFF_TEXT]);

void orizuru_tiff_close(orizuru_tiff_reader *reader);
