// SPDX-License-Identifier: Apache-2.0
//
// peer FILE COUNT [places]: the same with libhttp-parser; with `places` it remembers where each field stands, as our
// parser does, else it has no callbacks at all, which is the least that it can do.
#include <http_parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct { const char *at; size_t count; } places[256];
static int used, complete;

static int note(http_parser *parser, const char *at, size_t count) {
    (void)parser;
    places[used & 255].at = at;
    places[used++ & 255].count = count;
    return 0;
}

static int done(http_parser *parser) {
    (void)parser;
    complete++;
    return 0;
}

int main(int argc, char **argv) {
    static char request[65535];
    FILE *file = argc >= 3 ? fopen(argv[1], "r") : NULL;
    if (!file) return 2;
    size_t bytes = fread(request, 1, sizeof request, file);
    http_parser_settings settings;
    http_parser_settings_init(&settings);
    settings.on_message_complete = done;
    if (argc > 3 && strcmp(argv[3], "places") == 0)
        settings.on_url = settings.on_header_field = settings.on_header_value = note;
    int count = atoi(argv[2]);
    for (int i = 0; i < count; i++) {
        http_parser parser;
        http_parser_init(&parser, HTTP_REQUEST);
        used = 0;
        if (http_parser_execute(&parser, &settings, request, bytes) != bytes) return 1;
    }
    return complete == count ? 0 : 1;
}
