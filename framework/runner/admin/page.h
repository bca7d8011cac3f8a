/*
 * page.h - the page at /: HTML, style and script in one, embedded from page/ at build time. It loads nothing from
 * elsewhere.
 *
 * Its policy lets a browser run only this script and this style, by their hashes, and connect only to this server.
 */
#ifndef SEG_ADMIN_PAGE_H
#define SEG_ADMIN_PAGE_H

/* The page and its Content-Security-Policy; the caller frees both. 0 or SEG_ENOMEM. */
int seg_page_make(char **html, char **policy);

#endif
