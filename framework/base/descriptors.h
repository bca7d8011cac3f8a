/* descriptors.h - the standard descriptors of a program, and what to do where it may open no more. */
#ifndef SEG_BASE_DESCRIPTORS_H
#define SEG_BASE_DESCRIPTORS_H

/*
 * Opens /dev/null as those of the descriptors 0 to 2 that are closed. Without it, the next file, socket or plugin that the program
 * opens would be its standard output. Reading from 0 and writing to 1 fails then, and what is written to 2 is lost. First in main. Ends
 * the process with 71 where /dev/null cannot be opened.
 */
void seg_descriptors_fill(void);

/*
 * What an error's sentence goes on with after "...: strerror(failure)" where the system refused a descriptor: which limit to raise, or ""
 * if it is none. Static text. Any thread.
 */
const char *seg_descriptors_advice(int failure);

#endif
