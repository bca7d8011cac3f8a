/* reference.h - every option, in the forms that people read. Any thread. */
#ifndef SEG_CONFIG_REFERENCE_H
#define SEG_CONFIG_REFERENCE_H

#include <stdio.h>

typedef enum seg_config_form {
	SEG_CONFIG_FORM_INI = 0, /* config/reference.ini: every option, commented out, with its default */
	SEG_CONFIG_FORM_MARKDOWN = 1, /* Markdown tables, one for each section */
	SEG_CONFIG_FORM_HELP = 2,     /* `segrunner --help`: a line or two for each option */
	SEG_CONFIG_FORM_MAN = 3       /* the manual page segrunner.ini(5) */
} seg_config_form;

/* Writes the reference of all options. */
void seg_config_reference(FILE *out, seg_config_form form);

#endif
