/* top_draw.h - draws the screen of `segctl top`. ncurses has been started. One thread. */
#ifndef CTL_TOP_DRAW_H
#define CTL_TOP_DRAW_H

#include "top_state.h"

/* The rows are made. Scrolls the listing so that the selected row is on the screen. */
void ctl_top_draw(ctl_top_state *top);

#endif
