/* hooks.h - what the member tells a pull consumer: partitions that come and go, and answers. */
#ifndef SEG_CONSUMER_HOOKS_H
#define SEG_CONSUMER_HOOKS_H

#include "consumer/consumer.h"

/* The hooks run on the I/O thread. The consumer must outlive the member. */
seg_member_hooks seg_consumer_hooks(seg_consumer *consumer);

#endif
