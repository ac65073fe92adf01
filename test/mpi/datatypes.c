/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * datatypes: data that is not contiguous arrives whole, for all sizes, and what lies in the gaps
 * of the receiver's buffer stays as it was.
 *
 * Every rank exchanges with its neighbours in a ring; sender and receiver have different layouts
 * wherever MPI allows it.
 */
#include "elements.h"

static const size_t memory_size = 16 << 20; /* bytes; enough for the widest layout */

static void exchange(const struct element *from, const struct element *to, size_t size,
                     unsigned char *out, unsigned char *in)
{
    int next = (check_rank + 1) % check_size;
    int previous = (check_rank + check_size - 1) % check_size;
    size_t span = size / to->size * to->extent;
    MPI_Status status;
    int bytes;

    check_doing("%zu bytes, data type %d to %d", size, (int) (from - elements),
                (int) (to - elements));
    element_scatter(from, out, check_content(size + (uint64_t) check_rank), size);
    memset(in, GUARD_BYTE, span + 64);
    MPI_Sendrecv(out, (int) (size / from->size), from->type, next, 1, in, (int) (size / to->size),
                 to->type, previous, 1, MPI_COMM_WORLD, &status);
    MPI_Get_elements(&status, MPI_BYTE, &bytes);
    CHECK((size_t) bytes == size, "%d bytes arrived, not %zu", bytes, size);
    CHECK(element_gather_same(to, in, check_content(size + (uint64_t) previous), size),
          "%zu bytes, data type %d to %d: other content", size, (int) (from - elements),
          (int) (to - elements));
    CHECK((element_contiguous(to) || all_guards(in, span)) && all_guards(in + span, 64),
          "%zu bytes, data type %d to %d: written beside the data", size, (int) (from - elements),
          (int) (to - elements));
}

int main(int argc, char **argv)
{
    unsigned char *out, *in;
    const size_t limit = 256u << 10; /* bytes of a type with tiny pieces; MPI is slow with them */

    check_start(&argc, &argv, "datatypes", MPI_THREAD_SINGLE);
    elements_make(false);
    out = check_allocate(memory_size);
    in = check_allocate(memory_size);
    for (const long *wanted = check_sizes; *wanted >= 0; wanted++) {
        for (int i = 0; i < element_count; i++) {
            const struct element *element = &elements[i], *bytes = &elements[0];
            const struct element *other = &elements[(i * 5 + *wanted) % element_count];
            size_t size = (size_t) *wanted - (size_t) *wanted % element->size;

            if (size > limit && size / element->size * (size_t) element->pieces > limit / 8) {
                size = limit - limit % element->size;
            }
            exchange(element, element, size, out, in);
            if (element->of_bytes) {
                exchange(element, bytes, size, out, in);
                exchange(bytes, element, size, out, in);
            }
            if (element->of_bytes && other->of_bytes && 0 == size % other->size) {
                exchange(element, other, size, out, in);
            }
        }
    }
    free(out);
    free(in);
    elements_free();
    return check_finish();
}
