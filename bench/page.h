/*
 * page.h - what the pages of figures have in common
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef PAGE_H
#define PAGE_H

/* Sorts the values. */
double page_median(double *values, int count);

/* The median, the least and the most, by a format for three values; sorts
 * them. */
void page_spread(double *values, int count, const char *format);

/* Where and when, as far as the system says. */
void page_machine(void);

#endif
