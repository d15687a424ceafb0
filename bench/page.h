/*
 * page.h - what the pages of figures have in common
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef PAGE_H
#define PAGE_H

/* Sorts the values. */
double page_median(double *values, int count);

/* Prints the median, the least and the most, with a format for three values.
 * Sorts the values. */
void page_spread(double *values, int count, const char *format);

/* Prints the day and the machine, as far as the system tells. */
void page_machine(void);

#endif
