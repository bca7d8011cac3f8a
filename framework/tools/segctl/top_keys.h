/* top_keys.h - what the keys of `segctl top` do. One thread. */
#ifndef CTL_TOP_KEYS_H
#define CTL_TOP_KEYS_H

#include "top_state.h"

/* key: as getch() gives it. Returns false to quit. */
bool ctl_top_press(ctl_top_state *top, int key);

#endif
