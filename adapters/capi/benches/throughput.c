/* For each line of standard input, decodes the file, 16 KiB at a time, and prints the time in seconds.
 *
 *   throughput FILE */
#define _POSIX_C_SOURCE 199309L
#include <exportitems.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t memory[EXPORTITEMS_DECODER_SIZE / 8];
static uint8_t scratch[4096];

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint64_t decode(const uint8_t *response, size_t len)
{
    exportitems_decoder *decoder;
    exportitems_event event;
    uint64_t total = 0;
    size_t at;

    if (exportitems_decoder_init(memory, sizeof memory, scratch, sizeof scratch, NULL, &decoder, NULL) < 0)
        exit(2);
    for (at = 0; at < len; at += 16384) {
        exportitems_bytes input = {response + at, len - at < 16384 ? len - at : 16384};
        while (exportitems_decoder_next(decoder, &input, &event, NULL) == EXPORTITEMS_STATUS_EVENT) {
            if (event.kind == EXPORTITEMS_EVENT_KIND_DATA)
                total += event.body.data.len;
        }
    }
    while (exportitems_decoder_finish(decoder, &event, NULL) == EXPORTITEMS_STATUS_EVENT) {
    }
    return total;
}

int main(int argc, char **argv)
{
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    uint8_t *response;
    long len;
    int byte;

    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (len = ftell(file)) < 0 || fseek(file, 0, SEEK_SET) != 0)
        return 2;
    response = malloc((size_t)len);
    if (response == NULL || fread(response, 1, (size_t)len, file) != (size_t)len)
        return 2;
    while ((byte = getchar()) != EOF) {
        double start = seconds();

        if (byte != '\n')
            continue;
        if (decode(response, (size_t)len) == 0)
            return 1;
        printf("%.9f\n", seconds() - start);
        fflush(stdout);
    }
    return 0;
}
