/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The files behind shared memory: nobody else's are written to, nothing is left, little is taken.
 * The sources are compiled in here, with random numbers that a test may choose.
 */
#include "base/random.h"
#include "queue/segments.h"

static bool chosen_random(void *to, size_t bytes);
#define segmsg_random_bytes chosen_random
#include "memory/shm_file.c"
#undef segmsg_random_bytes
#include "memory/shm.c"
#include "memory/shm_domain.c"

#include "engine/defaults.h"
#include "unit.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

enum { BYTES = 64 * 4096, NOBODY = 65534 };

static uint64_t choice[4]; /* the next random numbers, if choices_left is not 0 */
static unsigned choices_left;

static bool chosen_random(void *to, size_t bytes)
{
    if (choices_left == 0) {
        return segmsg_random_bytes(to, bytes);
    }
    memcpy(to, &choice[--choices_left], bytes);
    return true;
}

/* ---- a directory of the test's own ---- */

static char directory[64];

static void open_directory(void)
{
    strcpy(directory, "/tmp/segmsg-shm-XXXXXX");
    UNIT_CHECK(mkdtemp(directory) != NULL);
}

static unsigned entries(void)
{
    unsigned count = 0;
    DIR *dir = opendir(directory);
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        count += entry->d_name[0] != '.';
    }
    closedir(dir);
    return count;
}

/* Removes the directory, which must hold `left` entries. */
static void close_directory(unsigned left)
{
    UNIT_EQUAL(entries(), left);
    DIR *dir = opendir(directory);
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        (void) unlinkat(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
    UNIT_CHECK(rmdir(directory) == 0);
}

static const char *path_in_directory(const char *name)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

/* The name of an export of the process `pid`. */
static const char *path_of_export(unsigned pid, uint64_t random)
{
    char name[64];
    snprintf(name, sizeof(name), "segmsg-%u-%u-%016" PRIx64, (unsigned) geteuid(), pid, random);
    return path_in_directory(name);
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

/* A file with a few bytes in it. */
static void write_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0666);
    UNIT_CHECK(fd >= 0 && write(fd, "precious", 8) == 8);
    close(fd);
}

static bool is_untouched(const char *path)
{
    char bytes[16] = "";
    int fd = open(path, O_RDONLY);
    ssize_t got = read(fd, bytes, sizeof(bytes));
    close(fd);
    return got == 8 && memcmp(bytes, "precious", 8) == 0;
}

/* ---- making files ---- */

static void names_are_different_in_all_64_bits(void)
{
    enum { FILES = 200 };
    open_directory();
    uint64_t ones = 0, zeros = 0, before = 0, step = 0;
    unsigned same_steps = 0;
    for (int i = 0; i < FILES; ++i) {
        segmsg_shm_file_t file;
        UNIT_REQUIRE(segmsg_shm_file_create(&file, directory, BYTES) == 0);
        uint64_t random = strtoull(strrchr(file.path, '-') + 1, NULL, 16);
        ones |= random;
        zeros |= ~random;
        same_steps += random - before == step;
        step = random - before;
        before = random;
        segmsg_shm_file_close(&file);
    }
    UNIT_EQUAL(ones & zeros, UINT64_MAX);
    UNIT_EQUAL(same_steps, 0);
    close_directory(FILES);
}

static void what_stands_under_the_name_is_not_touched(void)
{
    open_directory();
    char precious[PATH_MAX];
    snprintf(precious, sizeof(precious), "%s", path_in_directory("precious"));
    write_file(precious);
    unsigned self = (unsigned) getpid();
    write_file(path_of_export(self, 1));
    UNIT_CHECK(symlink(precious, path_of_export(self, 2)) == 0);
    UNIT_CHECK(mkfifo(path_of_export(self, 3), 0666) == 0);
    memcpy(choice, (uint64_t[]){4, 3, 2, 1}, sizeof(choice)); /* taken from behind */
    choices_left = 4;
    segmsg_shm_file_t file;
    UNIT_REQUIRE(segmsg_shm_file_create(&file, directory, BYTES) == 0);
    UNIT_CHECK(strcmp(file.path, path_of_export(self, 4)) == 0);
    UNIT_CHECK(is_untouched(path_of_export(self, 1)) && is_untouched(precious));
    segmsg_shm_file_unlink(&file);
    segmsg_shm_file_close(&file);
    close_directory(4);
}

static void a_link_to_nowhere_is_not_followed(void)
{
    open_directory();
    char nowhere[PATH_MAX];
    snprintf(nowhere, sizeof(nowhere), "%s", path_in_directory("nowhere"));
    UNIT_CHECK(symlink(nowhere, path_of_export((unsigned) getpid(), 7)) == 0);
    choice[1] = 7;
    choice[0] = 8;
    choices_left = 2;
    segmsg_shm_file_t file;
    UNIT_REQUIRE(segmsg_shm_file_create(&file, directory, BYTES) == 0);
    UNIT_CHECK(!is_there(nowhere));
    segmsg_shm_file_close(&file);
    close_directory(2);
}

static void a_file_is_for_its_user_alone_whatever_the_umask(void)
{
    static const mode_t masks[] = {0, 022, 0277, 0777};
    open_directory();
    for (unsigned m = 0; m < 4; ++m) {
        mode_t before = umask(masks[m]);
        segmsg_shm_file_t file;
        UNIT_CHECK(segmsg_shm_file_create(&file, directory, BYTES) == 0);
        umask(before);
        struct stat st;
        UNIT_CHECK(fstat(file.fd, &st) == 0);
        UNIT_EQUAL(st.st_mode & 07777, 0600);
        UNIT_EQUAL(st.st_size, BYTES);
        UNIT_EQUAL(st.st_blocks, 0);
        segmsg_shm_file_close(&file);
    }
    close_directory(4);
}

/* ---- opening those of peers ---- */

static bool opens(const char *path)
{
    segmsg_shm_file_t file;
    int error = segmsg_shm_file_open(&file, path, BYTES);
    segmsg_shm_file_close(&file);
    return error == 0;
}

static void only_a_file_that_is_as_told_is_opened(void)
{
    open_directory();
    segmsg_shm_file_t file;
    UNIT_REQUIRE(segmsg_shm_file_create(&file, directory, BYTES) == 0);
    UNIT_CHECK(opens(file.path));

    UNIT_CHECK(fchmod(file.fd, 0640) == 0 && !opens(file.path));
    UNIT_CHECK(fchmod(file.fd, 0602) == 0 && !opens(file.path));
    UNIT_CHECK(fchmod(file.fd, 0600) == 0 && opens(file.path));

    char other[PATH_MAX];
    snprintf(other, sizeof(other), "%s", path_in_directory("other"));
    UNIT_CHECK(symlink(file.path, other) == 0 && !opens(other));
    unlink(other);
    UNIT_CHECK(link(file.path, other) == 0 && !opens(file.path));
    unlink(other);

    UNIT_CHECK(ftruncate(file.fd, BYTES / 2) == 0 && !opens(file.path));
    UNIT_CHECK(ftruncate(file.fd, 2 * BYTES) == 0 && !opens(file.path));
    UNIT_CHECK(ftruncate(file.fd, BYTES) == 0 && opens(file.path));

    UNIT_CHECK(mkfifo(other, 0600) == 0 && !opens(other));
    UNIT_CHECK(!opens(directory));
    if (geteuid() == 0) {
        UNIT_CHECK(fchown(file.fd, NOBODY, NOBODY) == 0 && !opens(file.path));
    }
    segmsg_shm_file_close(&file);
    close_directory(2);
}

static void a_file_without_a_name_is_opened_from_its_owner(void)
{
    open_directory();
    segmsg_shm_file_t file, late;
    UNIT_REQUIRE(segmsg_shm_file_create(&file, directory, BYTES) == 0);
    segmsg_shm_file_unlink(&file);
    UNIT_EQUAL(entries(), 0);
    unsigned self = (unsigned) getpid();
    UNIT_EQUAL(segmsg_shm_file_open_of(&late, self, file.fd, BYTES), 0);
    struct stat a, b;
    UNIT_CHECK(fstat(file.fd, &a) == 0 && fstat(late.fd, &b) == 0 && a.st_ino == b.st_ino);
    segmsg_shm_file_close(&late);
    UNIT_CHECK(segmsg_shm_file_open_of(&late, self, file.fd, BYTES + 4096) == EPERM);
    UNIT_CHECK(segmsg_shm_file_open_of(&late, self, STDERR_FILENO, BYTES) != 0);
    UNIT_CHECK(segmsg_shm_file_open_of(&late, self, -1, BYTES) != 0);
    segmsg_shm_file_close(&file);
    close_directory(0);
}

/* ---- leftovers ---- */

/* A file of an owner that is gone, whose pid somebody has. */
static void leave_file(char path[PATH_MAX])
{
    segmsg_shm_file_t file;
    UNIT_CHECK(segmsg_shm_file_create(&file, directory, BYTES) == 0);
    snprintf(path, PATH_MAX, "%s", file.path);
    segmsg_shm_file_close(&file);
}

static void a_sweep_goes_by_the_lock_and_not_by_the_pid(void)
{
    open_directory();
    char orphan[PATH_MAX];
    leave_file(orphan);
    segmsg_shm_file_t alive;
    UNIT_REQUIRE(segmsg_shm_file_create(&alive, directory, BYTES) == 0);
    write_file(path_in_directory("segmsg-notes"));
    write_file(path_of_export(1, 5));
    char strange[PATH_MAX + 8];
    snprintf(strange, sizeof(strange), "%s.old", path_of_export(1, 6));
    write_file(strange);

    segmsg_shm_sweep(directory);
    UNIT_CHECK(!is_there(orphan));
    UNIT_CHECK(!is_there(path_of_export(1, 5)));
    UNIT_CHECK(is_there(alive.path));
    UNIT_CHECK(is_there(path_in_directory("segmsg-notes")) && is_there(strange));
    segmsg_shm_file_close(&alive);
    close_directory(3);
}

static void a_sweep_keeps_files_of_others(void)
{
    if (geteuid() != 0) {
        fprintf(stderr, "# only root can make files of others: nothing tested here\n");
        return;
    }
    open_directory();
    char theirs[PATH_MAX];
    leave_file(theirs);
    UNIT_CHECK(chown(theirs, NOBODY, NOBODY) == 0);
    segmsg_shm_sweep(directory);
    UNIT_CHECK(is_there(theirs));
    close_directory(1);
}

static void an_owner_that_was_killed_gives_up_its_lock(void)
{
    open_directory();
    pid_t child = fork();
    if (child == 0) {
        segmsg_shm_file_t file;
        (void) segmsg_shm_file_create(&file, directory, BYTES);
        raise(SIGKILL);
    }
    waitpid(child, NULL, 0);
    UNIT_EQUAL(entries(), 1);
    segmsg_shm_sweep(directory);
    close_directory(0);
}

/* Somebody sweeps all the time: no file that was made loses its name by that. */
static void a_sweep_never_takes_a_file_that_is_being_made(void)
{
    open_directory();
    pid_t child = fork();
    if (child == 0) {
        for (;;) {
            segmsg_shm_sweep(directory);
        }
    }
    for (uint64_t i = 0, count = unit_repetitions(5000); i < count && !unit_has_failed(); ++i) {
        segmsg_shm_file_t file;
        struct stat st;
        UNIT_CHECK(segmsg_shm_file_create(&file, directory, BYTES) == 0);
        UNIT_CHECK(fstat(file.fd, &st) == 0 && st.st_nlink == 1);
        segmsg_shm_file_unlink(&file);
        segmsg_shm_file_close(&file);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close_directory(0);
}

/* ---- exports ---- */

static const segmsg_identity_t OWNER = {.name = 7, .nonce = 4711};

static segmsg_export_config_t config_for(uint32_t openers)
{
    segmsg_export_config_t config = {
        .ring_starter = SEGMSG_DEFAULT_STARTER,
        .groups_max = SEGMSG_DEFAULT_GROUPS_MAX,
        .lobby = SEGMSG_DEFAULT_LOBBY,
        .openers = openers,
        .owner = OWNER,
    };
    config.owner.pid = (uint32_t) getpid();
    uint32_t bad_group;
    UNIT_CHECK(segmsg_geometry_parse(SEGMSG_DEFAULT_GROUPS, &config.geometry, &bad_group)
               == SEGMSG_OK);
    return config;
}

static segmsg_memory_status_t makes(segmsg_memory_t *memory, const segmsg_export_config_t *config,
                                    uint32_t peers, segmsg_memory_shortage_t *shortage)
{
    const segmsg_memory_wish_t wish = {.directory = directory,
                                       .lay_out = segmsg_export_init,
                                       .config = *config,
                                       .peers = peers};
    return segmsg_memory_create(memory, &segmsg_shm_kind, &wish, shortage);
}

/* Attaches as a peer does and detaches; whether it could. */
static bool attaches(const void *descriptor, size_t bytes, bool counts, bool via_proc)
{
    segmsg_identity_t owner = OWNER;
    owner.pid = (uint32_t) getpid();
    segmsg_memory_t image;
    const segmsg_memory_owner_t from = {.owner = owner, .counts = counts, .via_proc = via_proc};
    bool is_attached =
        segmsg_memory_attach(&image, &segmsg_shm_kind, descriptor, bytes, &from) == SEGMSG_OK;
    segmsg_memory_close(&image);
    return is_attached;
}

static void the_last_to_open_takes_the_name_away(void)
{
    open_directory();
    segmsg_export_config_t config = config_for(2);
    segmsg_memory_t shm;
    segmsg_memory_shortage_t shortage;
    UNIT_REQUIRE(makes(&shm, &config, 2, &shortage) == SEGMSG_MEMORY_OK);
    _Alignas(8) char descriptor[PATH_MAX];
    size_t bytes = describe(&shm, descriptor);
    UNIT_EQUAL(bytes, describe(&shm, NULL));
    UNIT_EQUAL(bytes % 8, 0);

    UNIT_CHECK(attaches(descriptor, bytes, false, false)); /* a visitor */
    UNIT_CHECK(attaches(descriptor, bytes, true, false));
    UNIT_EQUAL(entries(), 1);
    UNIT_CHECK(attaches(descriptor, bytes, true, false));
    UNIT_EQUAL(entries(), 0);
    UNIT_CHECK(!attaches(descriptor, bytes, false, false));
    UNIT_CHECK(attaches(descriptor, bytes, false, true)); /* comes later */
    segmsg_memory_close(&shm);
    close_directory(0);
}

static void whoever_is_alone_has_no_name(void)
{
    open_directory();
    segmsg_export_config_t config = config_for(0);
    segmsg_memory_t shm;
    segmsg_memory_shortage_t shortage;
    UNIT_REQUIRE(makes(&shm, &config, 2, &shortage) == SEGMSG_MEMORY_OK);
    UNIT_EQUAL(entries(), 0);
    _Alignas(8) char descriptor[PATH_MAX];
    size_t bytes = describe(&shm, descriptor);
    UNIT_CHECK(attaches(descriptor, bytes, false, true));
    segmsg_memory_close(&shm);
    close_directory(0);
}

static void somebody_elses_file_is_not_taken_for_the_export(void)
{
    open_directory();
    segmsg_export_config_t config = config_for(1);
    config.owner.nonce = 1; /* another process's */
    segmsg_memory_t shm;
    segmsg_memory_shortage_t shortage;
    UNIT_REQUIRE(makes(&shm, &config, 2, &shortage) == SEGMSG_MEMORY_OK);
    _Alignas(8) char descriptor[PATH_MAX];
    size_t bytes = describe(&shm, descriptor);
    UNIT_CHECK(!attaches(descriptor, bytes, true, true));
    UNIT_EQUAL(entries(), 1); /* and does not count */
    segmsg_memory_close(&shm);
    close_directory(0);
}

static void a_broken_descriptor_is_refused(void)
{
    open_directory();
    segmsg_export_config_t config = config_for(1);
    segmsg_memory_t shm;
    segmsg_memory_shortage_t shortage;
    UNIT_REQUIRE(makes(&shm, &config, 2, &shortage) == SEGMSG_MEMORY_OK);
    _Alignas(8) char descriptor[PATH_MAX];
    size_t bytes = describe(&shm, descriptor);
    for (size_t short_bytes = 0; short_bytes + 8 <= bytes; short_bytes += 8) {
        UNIT_CHECK(!attaches(descriptor, short_bytes, false, false));
    }
    memset(descriptor + sizeof(segmsg_shm_descriptor_t), 'x',
           bytes - sizeof(segmsg_shm_descriptor_t));
    UNIT_CHECK(!attaches(descriptor, bytes, false, false));
    segmsg_memory_close(&shm);
    close_directory(0);
}

/* ---- limits ---- */

/* In a child, which a signal may kill: makes an export where files may have so many bytes. */
static void create_limited(uint64_t limit, segmsg_memory_status_t expected)
{
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limits = {.rlim_cur = limit, .rlim_max = limit};
        segmsg_export_config_t config = config_for(1);
        segmsg_memory_t shm;
        segmsg_memory_shortage_t shortage = {0};
        UNIT_CHECK(setrlimit(RLIMIT_FSIZE, &limits) == 0);
        UNIT_EQUAL(makes(&shm, &config, 8, &shortage), expected);
        if (expected == SEGMSG_MEMORY_OK) {
            UNIT_CHECK(shm.export.bytes <= limit);
            segmsg_memory_close(&shm);
        } else {
            UNIT_EQUAL(shortage.available, limit / SEGMSG_PAGE * SEGMSG_PAGE);
            UNIT_EQUAL(shortage.needed, segmsg_export_bytes_min(&config));
        }
        unit_child_exit();
    }
    unit_child_wait(child);
}

static void a_limit_on_the_size_of_files_is_no_signal(void)
{
    open_directory();
    segmsg_export_config_t config = config_for(1);
    uint64_t least = segmsg_export_bytes_min(&config);
    create_limited(0, SEGMSG_MEMORY_FILE_LIMIT);
    create_limited(100000, SEGMSG_MEMORY_FILE_LIMIT);
    create_limited(least - 1, SEGMSG_MEMORY_FILE_LIMIT);
    create_limited(least, SEGMSG_MEMORY_OK);
    create_limited(segmsg_export_bytes_for(&config, 4) + 100, SEGMSG_MEMORY_OK);
    close_directory(0);
}

static void an_export_takes_what_it_uses_and_not_what_it_may_use(void)
{
    if (unit_is_emulated()) {
        return;
    }
    open_directory();
    segmsg_export_config_t config = config_for(1);
    char options[32];
    size_t start = segmsg_export_bytes_at_start(&config);
    UNIT_CHECK(start <= 64 << 10);
    snprintf(options, sizeof(options), "size=%zu", 2 * start);
    if (mount("tmpfs", directory, "tmpfs", 0, options) != 0) {
        fprintf(stderr, "# not permitted to mount a file system: nothing tested here\n");
        close_directory(0);
        return;
    }
    segmsg_memory_t shm[3];
    segmsg_memory_shortage_t shortage = {0};
    UNIT_EQUAL(makes(&shm[0], &config, 20, &shortage), SEGMSG_MEMORY_OK);
    UNIT_CHECK(shm[0].export.bytes == segmsg_export_bytes_for(&config, 20));
    UNIT_EQUAL(makes(&shm[1], &config, 20, &shortage), SEGMSG_MEMORY_OK);
    UNIT_EQUAL(makes(&shm[2], &config, 20, &shortage), SEGMSG_MEMORY_DIRECTORY_FULL);
    UNIT_EQUAL(shortage.needed, start);
    UNIT_EQUAL(shortage.available, 0);
    UNIT_EQUAL(entries(), 2);
    segmsg_memory_close(&shm[0]);
    segmsg_memory_close(&shm[1]);
    UNIT_EQUAL(entries(), 0);
    UNIT_CHECK(umount(directory) == 0);
    close_directory(0);
}

/* ---- name spaces ---- */

static void files_are_shared_where_pids_and_users_are(void)
{
    segmsg_shm_spaces_t here = segmsg_shm_spaces();
    UNIT_CHECK(here.pids != 0 && here.users != 0);
    UNIT_CHECK(segmsg_shm_spaces_share_files(here, segmsg_shm_spaces()));
    segmsg_shm_spaces_t other_pids = {.pids = here.pids + 1, .users = here.users};
    segmsg_shm_spaces_t other_users = {.pids = here.pids, .users = here.users + 1};
    segmsg_shm_spaces_t unknown = {0};
    UNIT_CHECK(!segmsg_shm_spaces_share_files(here, other_pids));
    UNIT_CHECK(!segmsg_shm_spaces_share_files(here, other_users));
    UNIT_CHECK(!segmsg_shm_spaces_share_files(unknown, unknown));
    UNIT_CHECK(segmsg_shm_spaces_share_pids(here, other_users));
    UNIT_CHECK(!segmsg_shm_spaces_share_pids(here, other_pids));

    UNIT_CHECK(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0);
    UNIT_EQUAL(segmsg_shm_spaces().users, 0);
    UNIT_CHECK(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
}

static const unit_case_t cases[] = {
    UNIT_CASE(names_are_different_in_all_64_bits),
    UNIT_CASE(what_stands_under_the_name_is_not_touched),
    UNIT_CASE(a_link_to_nowhere_is_not_followed),
    UNIT_CASE(a_file_is_for_its_user_alone_whatever_the_umask),
    UNIT_CASE(only_a_file_that_is_as_told_is_opened),
    UNIT_CASE(a_file_without_a_name_is_opened_from_its_owner),
    UNIT_CASE(a_sweep_goes_by_the_lock_and_not_by_the_pid),
    UNIT_CASE(a_sweep_keeps_files_of_others),
    UNIT_CASE(an_owner_that_was_killed_gives_up_its_lock),
    UNIT_CASE(a_sweep_never_takes_a_file_that_is_being_made),
    UNIT_CASE(the_last_to_open_takes_the_name_away),
    UNIT_CASE(whoever_is_alone_has_no_name),
    UNIT_CASE(somebody_elses_file_is_not_taken_for_the_export),
    UNIT_CASE(a_broken_descriptor_is_refused),
    UNIT_CASE(a_limit_on_the_size_of_files_is_no_signal),
    UNIT_CASE(an_export_takes_what_it_uses_and_not_what_it_may_use),
    UNIT_CASE(files_are_shared_where_pids_and_users_are),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
