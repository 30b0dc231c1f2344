// SPDX-License-Identifier: Apache-2.0
#include "CTIFFCalls.h"

#ifdef TIFF
// The trait's name is a type of libtiff's.
#undef TIFF

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tiffio.h>

// A tile or strip of more pixels than this is refused: it would be decoded whole.
#define MAX_PIECE_PIXELS (64u << 20)

struct orizuru_tiff_reader {
    TIFF *tiff;
    orizuru_tiff_header header;
    uint32_t tile_width;
    int is_tiled;
    uint32_t *piece;
};

// libtiff's handlers are the process's: they tell the reader of the thread that is in a call.
static _Thread_local char *current_message;

static void on_error(const char *module, const char *format, va_list arguments) {
    (void)module;
    if (current_message && !current_message[0]) vsnprintf(current_message, ORIZURU_TIFF_TEXT, format, arguments);
}

static void say(char *message, const char *text) { snprintf(message, ORIZURU_TIFF_TEXT, "%s", text); }

// Without mapping the file, but where libtiff cannot: version 4.5 reads whole kilobytes then, and refuses an uncompressed
// tile that is none ("Invalid tile byte count"). Whoever reads inputs is ready for SIGBUS.
static TIFF *open_file(const char *path) {
    TIFF *tiff = TIFFOpen(path, "rm");
    uint16_t compression = 0;
    if (!tiff || !TIFFIsTiled(tiff) || !TIFFGetField(tiff, TIFFTAG_COMPRESSION, &compression) ||
        compression != COMPRESSION_NONE || TIFFTileSize(tiff) % 1024 == 0)
        return tiff;
    TIFFClose(tiff);
    return TIFFOpen(path, "r");
}

orizuru_tiff_reader *orizuru_tiff_open(const char *path, orizuru_tiff_header *header,
                                       char description[ORIZURU_TIFF_TEXT], char message[ORIZURU_TIFF_TEXT]) {
    memset(header, 0, sizeof *header);
    description[0] = 0;
    message[0] = 0;
    TIFFSetErrorHandler(on_error);
    TIFFSetWarningHandler(NULL);
    orizuru_tiff_reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        say(message, "out of memory");
        return NULL;
    }
    current_message = message;
    reader->tiff = open_file(path);
    if (!reader->tiff) {
        if (!message[0]) say(message, "no TIFF");
        goto failed;
    }
    char reason[1024] = "";
    if (!TIFFRGBAImageOK(reader->tiff, reason)) {
        say(message, reason);
        goto failed;
    }
    TIFFGetField(reader->tiff, TIFFTAG_IMAGEWIDTH, &header->width);
    TIFFGetField(reader->tiff, TIFFTAG_IMAGELENGTH, &header->height);
    reader->is_tiled = TIFFIsTiled(reader->tiff);
    reader->tile_width = header->width;
    if (reader->is_tiled) {
        TIFFGetField(reader->tiff, TIFFTAG_TILEWIDTH, &reader->tile_width);
        TIFFGetField(reader->tiff, TIFFTAG_TILELENGTH, &header->band_rows);
    } else {
        TIFFGetFieldDefaulted(reader->tiff, TIFFTAG_ROWSPERSTRIP, &header->band_rows);
        if (header->band_rows > header->height) header->band_rows = header->height;
    }
    if (!header->width || !header->height || !header->band_rows || !reader->tile_width ||
        (uint64_t)reader->tile_width * header->band_rows > MAX_PIECE_PIXELS) {
        say(message, "its tiles or strips have no size that can be");
        goto failed;
    }
    reader->piece = malloc((size_t)reader->tile_width * header->band_rows * sizeof(uint32_t));
    if (!reader->piece) {
        say(message, "out of memory");
        goto failed;
    }
    float resolution = 0;
    uint16_t unit = RESUNIT_INCH;
    TIFFGetFieldDefaulted(reader->tiff, TIFFTAG_RESOLUTIONUNIT, &unit);
    if (TIFFGetField(reader->tiff, TIFFTAG_XRESOLUTION, &resolution) && resolution > 0 && unit != RESUNIT_NONE)
        header->pixels_per_centimetre = unit == RESUNIT_CENTIMETER ? resolution : resolution / 2.54;
    const char *text = NULL;
    if (TIFFGetField(reader->tiff, TIFFTAG_IMAGEDESCRIPTION, &text) && text) say(description, text);
    reader->header = *header;
    current_message = NULL;
    return reader;
failed:
    current_message = NULL;
    orizuru_tiff_close(reader);
    return NULL;
}

int orizuru_tiff_read_band(orizuru_tiff_reader *reader, uint32_t row, uint8_t *pixels, size_t stride,
                           char message[ORIZURU_TIFF_TEXT]) {
    const orizuru_tiff_header *header = &reader->header;
    message[0] = 0;
    if (row >= header->height) {
        say(message, "no such row");
        return 0;
    }
    uint32_t rows = header->height - row < header->band_rows ? header->height - row : header->band_rows;
    current_message = message;
    for (uint32_t x = 0; x < header->width; x += reader->tile_width) {
        uint32_t columns = header->width - x < reader->tile_width ? header->width - x : reader->tile_width;
        uint32_t number = reader->is_tiled ? TIFFComputeTile(reader->tiff, x, row, 0, 0)
                                           : TIFFComputeStrip(reader->tiff, row, 0);
        if (TIFFGetStrileByteCount(reader->tiff, number) == 0) {
            // A sparse file leaves blank tiles out.
            for (uint32_t line = 0; line < rows; line++)
                memset(pixels + (size_t)line * stride + (size_t)x * 4, 0xFF, (size_t)columns * 4);
            continue;
        }
        int ok = reader->is_tiled ? TIFFReadRGBATile(reader->tiff, x, row, reader->piece)
                                  : TIFFReadRGBAStrip(reader->tiff, row, reader->piece);
        // A reading that failed in part still returns 1, with a message.
        if (!ok || message[0]) {
            if (!message[0]) say(message, "a tile or strip cannot be decoded");
            current_message = NULL;
            return 0;
        }
        // The lowest row comes first. Tiles are whole, the last strip is cut off.
        uint32_t piece_rows = reader->is_tiled ? header->band_rows : rows;
        for (uint32_t line = 0; line < rows; line++) {
            const uint32_t *from = reader->piece + (size_t)(piece_rows - 1 - line) * reader->tile_width;
            uint8_t *to = pixels + (size_t)line * stride + (size_t)x * 4;
            for (uint32_t column = 0; column < columns; column++) {
                uint32_t pixel = from[column];
                to[4 * column] = (uint8_t)TIFFGetR(pixel);
                to[4 * column + 1] = (uint8_t)TIFFGetG(pixel);
                to[4 * column + 2] = (uint8_t)TIFFGetB(pixel);
                to[4 * column + 3] = (uint8_t)TIFFGetA(pixel);
            }
        }
    }
    current_message = NULL;
    return 1;
}

void orizuru_tiff_close(orizuru_tiff_reader *reader) {
    if (!reader) return;
    if (reader->tiff) TIFFClose(reader->tiff);
    free(reader->piece);
    free(reader);
}

#else

// A target must hold something.
extern int orizuru_tiff_is_absent;
int orizuru_tiff_is_absent = 1;

#endif
