/*
 * plugin.h - handler plugins, from the shared object on disk to the instance that a [consumer] section uses.
 *
 *     load.h         a loaded shared object whose handler fits this segrunner
 *     instance.h     the handler as one section configures it
 *
 *     seg_plugin_load -> seg_plugin_instance_create -> _init -> workers call the handler -> _fini -> _destroy
 *                     -> seg_plugin_unload
 *
 * Below load.h: locate.c finds the file, file.c opens it, probe.c tries it in a child process, image.c maps
 * it, and check.c judges what it declares. Other users of this room include
 * answer.h, call.h, trial.h and new.h directly.
 */
#ifndef SEG_PLUGIN_PLUGIN_H
#define SEG_PLUGIN_PLUGIN_H

#include "plugin/instance.h"
#include "plugin/load.h"

#endif
