/* record.h - what may be sent, and how it lies in a partition's log. Pure; any thread. */
#ifndef SEG_STREAM_RECORD_H
#define SEG_STREAM_RECORD_H

#include <segmenter/segmenter.h>

#define SEG_HEADERS_MAX 1024

/* The names of an entry's first two fields, the Go library's; headers follow them. */
#define SEG_FIELD_KEY "partitionKey"
#define SEG_FIELD_DATA "data"

/* Key, data, and headers' names and values together, or SIZE_MAX if that is no number any more. */
size_t seg_record_bytes(const seg_record *record);

/* Checks a record against every limit: 0, SEG_EINVAL or SEG_ETOOBIG. */
int seg_record_check(const seg_record *record, uint64_t max_bytes, seg_error *error);

#endif
