/* numbered.h - arrays of pointers by number that grow as numbers come. Pure; any thread. */
#ifndef SEG_BASE_NUMBERED_H
#define SEG_BASE_NUMBERED_H

#include <stdint.h>

/*
 * Makes room for `number` in an array of *count pointers, allocated or NULL: new ones are NULL. Returns the array, which may have
 * moved; NULL if out of memory, then the old one stays valid.
 */
void *seg_numbered_reach(void *array, uint32_t *count, uint32_t number);

#endif
