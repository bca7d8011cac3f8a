/*
 * config.h - segrunner's configuration: an INI file that is read once, checked, and never changes afterwards.
 *
 * Users of this room include this header; the room's own files include the parts that they need:
 *
 *     settings.h     what a loaded configuration holds: a struct for each section
 *     load.h         loading and freeing
 *     error.h        the mistakes that loading found
 *     print.h        a configuration as an INI file, without its secrets
 *     reference.h    every option there is: config/reference.ini, --help, segrunner.ini(5)
 *
 * options.c holds the table of all options. The parser and every form of the reference use that one table.
 */
#ifndef SEG_CONFIG_CONFIG_H
#define SEG_CONFIG_CONFIG_H

#include "config/error.h"
#include "config/load.h"
#include "config/print.h"
#include "config/reference.h"
#include "config/settings.h"

#endif
