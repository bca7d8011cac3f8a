/*
 * page.h - the page at /: HTML, style and script in one, made of page/ at build time, without anything from
 * elsewhere.
 *
 * Its policy lets a browser run this one script and style, by their hashes, and talk to this server only.
 */
#ifndef SEG_ADMIN_PAGE_H
#define SEG_ADMIN_PAGE_H

/* The page and its Content-Security-Policy; the caller frees both. 0 or SEG_ENOMEM. */
int seg_page_make(char **html, char **policy);

#endif
