/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * cplusplus: the header is C++ too, and its functions are found when linking.
 */
#include <segmsg.h>

#include <cstdio>
#include <string>
#include <vector>

// PROMISE(programs_may_be_in_cplusplus)

namespace {

int errors;

void check(bool condition, const char *what)
{
    if (!condition) {
        std::fprintf(stderr, "cplusplus: %s\n", what);
        ++errors;
    }
}

void see(void *context, const segmsg_info_t *info, const void *data)
{
    auto *seen = static_cast<std::vector<std::string> *>(context);
    seen->push_back(std::string(static_cast<const char *>(data), info->bytes));
}

/* Each rank sends to the next one: a word that a handler sees, and a long message. */
void exchange(segmsg_t *node)
{
    int rank = segmsg_rank(node), size = segmsg_size(node);
    int to = (rank + 1) % size, from = (rank + size - 1) % size;
    std::vector<double> out(100000), in(100000);
    std::vector<std::string> seen;
    segmsg_request_t *send = nullptr, *receive = nullptr;
    segmsg_info_t info{};

    for (std::size_t i = 0; i < out.size(); ++i) {
        out[i] = rank + static_cast<double>(i);
    }
    /* Begun before the long message can come, which the handler shall not see. */
    check(SEGMSG_SUCCESS
              == segmsg_irecv(node, from, 2, in.data(), in.size() * sizeof(double), &receive),
          "segmsg_irecv");
    check(SEGMSG_SUCCESS == segmsg_send(node, to, 1, "word", 4), "segmsg_send");
    while (seen.empty()) {
        check(SEGMSG_SUCCESS == segmsg_poll(node, see, &seen, nullptr), "segmsg_poll");
    }
    check(1 == seen.size() && "word" == seen[0], "the word");
    check(SEGMSG_SUCCESS
              == segmsg_isend(node, to, 2, out.data(), out.size() * sizeof(double), &send),
          "segmsg_isend");
    check(SEGMSG_SUCCESS == segmsg_wait(node, &receive, &info), "segmsg_wait");
    check(SEGMSG_SUCCESS == segmsg_wait(node, &send, nullptr), "segmsg_wait");
    check(2 == info.tag && from == info.source, "tag and source");
    for (std::size_t i = 0; i < in.size(); ++i) {
        if (in[i] != from + static_cast<double>(i)) {
            check(false, "the long message");
            break;
        }
    }
}

} // namespace

int main(int argc, char **argv)
{
    segmsg_t *node = nullptr;
    int rank, all = 0;

    if (argc > 1 && std::string(argv[1]) == "--list") {
        std::puts("programs_may_be_in_cplusplus");
        return 0;
    }
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    check(SEGMSG_SUCCESS == segmsg_open(MPI_COMM_WORLD, nullptr, &node), segmsg_explanation());
    if (node) {
        exchange(node);
        check(SEGMSG_SUCCESS == segmsg_close(&node) && !node, "segmsg_close");
    }
    MPI_Allreduce(&errors, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    if (0 == rank) {
        std::printf("%s - programs_may_be_in_cplusplus\n", all ? "not ok" : "ok");
    }
    MPI_Finalize();
    return all ? 1 : 0;
}
