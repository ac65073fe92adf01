/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * elements.h: MPI data types whose layout the test programs know byte by byte, so that they can
 * check both what a receive wrote and what it must not have written.
 */
#ifndef SEGMSG_TEST_ELEMENTS_H
#define SEGMSG_TEST_ELEMENTS_H

#include "check.h"

#include <stddef.h>

enum {
    GUARD_BYTE = 0xa5, /* what memory holds that a receive must not write */
    PIECES = 8,        /* contiguous pieces of an element, at most */
    MOST_ELEMENTS = 16,
};

/* A data type, flattened: where the bytes of one element lie in memory, in packed order. */
struct element {
    MPI_Datatype type;
    size_t size;   /* bytes of data in one element */
    size_t extent; /* bytes from one element to the next */
    bool of_bytes; /* all basic types are MPI_BYTE, so that it may receive what any such one sent */
    int pieces;
    struct {
        size_t offset, length;
    } piece[PIECES];
};

static struct element elements[MOST_ELEMENTS];
static int element_count;

static inline struct element *element_add(MPI_Datatype type, bool of_bytes)
{
    struct element *element = &elements[element_count++];
    MPI_Aint lower, extent;
    int size;

    MPI_Type_commit(&type);
    MPI_Type_size(type, &size);
    MPI_Type_get_extent(type, &lower, &extent);
    element->type = type;
    element->size = (size_t) size;
    element->extent = (size_t) extent;
    element->of_bytes = of_bytes;
    return element;
}

static inline void element_piece(struct element *element, size_t offset, size_t length)
{
    element->piece[element->pieces].offset = offset;
    element->piece[element->pieces++].length = length;
}

static inline void element_add_basic(MPI_Datatype basic)
{
    MPI_Datatype type;
    struct element *element;

    MPI_Type_dup(basic, &type);
    element = element_add(type, MPI_BYTE == basic);
    element_piece(element, 0, element->size);
}

static inline void element_add_vector(int blocks, int block, int stride)
{
    MPI_Datatype type;
    struct element *element;

    MPI_Type_vector(blocks, block, stride, MPI_BYTE, &type);
    element = element_add(type, true);
    for (int i = 0; i < blocks; i++) {
        element_piece(element, (size_t) (i * stride), (size_t) block);
    }
}

static inline void element_add_resized(int block, int extent)
{
    MPI_Datatype plain, type;

    MPI_Type_contiguous(block, MPI_BYTE, &plain);
    MPI_Type_create_resized(plain, 0, extent, &type);
    MPI_Type_free(&plain);
    element_piece(element_add(type, true), 0, (size_t) block);
}

/* Blocks of different lengths, not in the order of their addresses. */
static inline void element_add_indexed(void)
{
    enum { BLOCKS = 4 };
    const int lengths[BLOCKS] = {5, 1, 33, 8}, offsets[BLOCKS] = {40, 0, 3, 60};
    MPI_Datatype plain, type;
    struct element *element;

    MPI_Type_indexed(BLOCKS, lengths, offsets, MPI_BYTE, &plain);
    MPI_Type_create_resized(plain, 0, 72, &type);
    MPI_Type_free(&plain);
    element = element_add(type, true);
    for (int i = 0; i < BLOCKS; i++) {
        element_piece(element, (size_t) offsets[i], (size_t) lengths[i]);
    }
}

struct record {
    char mark;
    double value;
    int index;
    short flags;
};

/* A C structure with padding, as applications have them. */
static inline void element_add_struct(void)
{
    const int lengths[4] = {1, 1, 1, 1};
    const MPI_Aint offsets[4] = {offsetof(struct record, mark), offsetof(struct record, value),
                                 offsetof(struct record, index), offsetof(struct record, flags)};
    const MPI_Datatype types[4] = {MPI_CHAR, MPI_DOUBLE, MPI_INT, MPI_SHORT};
    MPI_Datatype plain, type;
    struct element *element;

    MPI_Type_create_struct(4, lengths, offsets, types, &plain);
    MPI_Type_create_resized(plain, 0, sizeof(struct record), &type);
    MPI_Type_free(&plain);
    element = element_add(type, false);
    element_piece(element, offsetof(struct record, mark), sizeof(char));
    element_piece(element, offsetof(struct record, value), sizeof(double));
    element_piece(element, offsetof(struct record, index), sizeof(int));
    element_piece(element, offsetof(struct record, flags), sizeof(short));
}

/* The first element is a contiguous one of one byte: it can carry any size. */
static inline void elements_make(bool contiguous_only)
{
    element_add_basic(MPI_BYTE);
    element_add_basic(MPI_INT);
    element_add_basic(MPI_DOUBLE);
    if (contiguous_only) {
        return;
    }
    element_add_vector(8, 1, 2);
    element_add_vector(4, 7, 16);
    element_add_vector(3, 100, 128);
    element_add_vector(2, 1024, 1088);
    element_add_resized(3, 4);
    element_add_resized(64, 192);
    element_add_resized(4096, 4104);
    element_add_indexed();
    element_add_struct();
}

static inline void elements_free(void)
{
    for (int i = 0; i < element_count; i++) {
        MPI_Type_free(&elements[i].type);
    }
}

static inline bool element_contiguous(const struct element *element)
{
    return element->size == element->extent && 1 == element->pieces;
}

/* Whether nothing was written there. */
static inline bool all_guards(const unsigned char *bytes, size_t size)
{
    return 0 == size
           || (GUARD_BYTE == bytes[0] && (1 == size || 0 == memcmp(bytes, bytes + 1, size - 1)));
}

/* Lay the packed content out as the data type says. */
static inline void element_scatter(const struct element *element, unsigned char *buffer,
                                   const unsigned char *packed, size_t size)
{
    if (element_contiguous(element)) {
        memcpy(buffer, packed, size);
        return;
    }
    for (size_t done = 0; done < size; buffer += element->extent) {
        for (int i = 0; i < element->pieces; i++) {
            memcpy(buffer + element->piece[i].offset, packed + done, element->piece[i].length);
            done += element->piece[i].length;
        }
    }
}

/* Whether the buffer holds the packed content, laid out so; the bytes found are overwritten with
   guards, so that afterwards a buffer whose gaps were not touched is all guards. */
static inline bool element_gather_same(const struct element *element, unsigned char *buffer,
                                       const unsigned char *packed, size_t size)
{
    bool same = true;

    if (element_contiguous(element)) {
        return 0 == memcmp(buffer, packed, size);
    }
    for (size_t done = 0; done < size; buffer += element->extent) {
        for (int i = 0; i < element->pieces; i++) {
            unsigned char *piece = buffer + element->piece[i].offset;

            same = same && 0 == memcmp(piece, packed + done, element->piece[i].length);
            memset(piece, GUARD_BYTE, element->piece[i].length);
            done += element->piece[i].length;
        }
    }
    return same;
}

#endif
