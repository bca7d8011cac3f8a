/* record.h - checks a record, and names its fields in a partition's log. Pure; any thread. */
#ifndef SEG_STREAM_RECORD_H
#define SEG_STREAM_RECORD_H

#include <segmenter/segmenter.h>

/* The most headers of a record. */
#define SEG_HEADERS_MAX 1024

/* An entry's first two fields, with the names that the Go library gives them; headers follow. */
#define SEG_FIELD_KEY "partitionKey"
#define SEG_FIELD_DATA "data"

/* Bytes of key, data, and the headers' names and values together; SIZE_MAX if the sum overflows. */
size_t seg_record_bytes(const seg_record *record);

/* Checks a record against every limit: 0, SEG_EINVAL or SEG_ETOOBIG. */
int seg_record_check(const seg_record *record, uint64_t max_bytes, seg_error *error);

/* The number of fields of a record with so many headers, as a static text. */
const char *seg_record_field_count(size_t headers);

#endif
