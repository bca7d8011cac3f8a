/* admin_page.h - where others find a runner's page. Main thread. */
#ifndef SEG_CONFIG_ADMIN_PAGE_H
#define SEG_CONFIG_ADMIN_PAGE_H

#include "config/loader.h"

/* Checks admin_url, and sets admin_page. */
void seg_config_check_admin_page(seg_config_loader *loader);

#endif
