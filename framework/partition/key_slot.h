/*
 * key_slot.h - the slot of a key: the unit of order within a partition where `parallel` is above 1.
 *
 * A partition has SEG_SLOTS slots (completion.h), however many lanes it has. Messages of one slot are handled in order and never
 * two at a time. Values of a slot are stored under its number, so the function can never change. It is mixed such that the keys
 * of one partition, which agree in their hash modulo the number of partitions, spread over all slots. Pure.
 */
#ifndef SEG_PARTITION_KEY_SLOT_H
#define SEG_PARTITION_KEY_SLOT_H

#include <stddef.h>
#include <stdint.h>

/* 0 to SEG_SLOTS - 1. key may be NULL if length is 0: a message without a key has the slot of the empty one. */
uint16_t seg_key_slot(const void *key, size_t length);

#endif
