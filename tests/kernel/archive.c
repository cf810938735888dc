/*
 * archive.c: the first files: a tar archive of the ustar format that the boot
 * loader left in memory (POSIX.1-2017, pax, "ustar Interchange Format").
 *
 * Only names are unpacked.  A file's bytes stay where they are, and become
 * pages one by one when they are touched (regular.c): a system with hundreds of
 * programs starts without reading any of them.
 *
 * A malformed archive is a mistake of whoever made the machine: panic.
 */
#include "vfs.h"

enum { BLOCK = 512 };

struct header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12];
    char checksum[8], type, link[100], magic[6], version[2];
    char uname[32], gname[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "ustar header block");

/* One member. */
struct member {
    const struct header *header;
    const char *bytes;
    uint64_t size;
    char name[100 + 155 + 2]; /* terminated; no slash in front or behind */
};

static const char *archive_start, *archive_end;

static uint64_t octal(const char *field, size_t len)
{
    uint64_t x = 0;
    size_t i = 0;

    while (i < len && field[i] == ' ')
        i++;
    for (; i < len && field[i] && field[i] != ' '; i++) {
        if (field[i] < '0' || field[i] > '7')
            panic("archive: a number is not octal");
        x = x << 3 | (uint64_t)(field[i] - '0');
    }
    return x;
}

/* The sum of all bytes, those of the checksum itself taken as blanks. */
static bool checksum_ok(const struct header *header)
{
    const unsigned char *byte = (const unsigned char *)header;
    size_t at = offsetof(struct header, checksum), i;
    uint64_t sum = 0;

    for (i = 0; i < BLOCK; i++)
        sum += i >= at && i < at + sizeof(header->checksum) ? ' ' : byte[i];
    return sum == octal(header->checksum, sizeof(header->checksum));
}

static bool all_zero(const char *block)
{
    size_t i;

    for (i = 0; i < BLOCK; i++)
        if (block[i])
            return false;
    return true;
}

/* Append a field of at most len bytes; returns the new end. */
static char *append(char *to, const char *field, size_t len)
{
    size_t i;

    for (i = 0; i < len && field[i]; i++)
        *to++ = field[i];
    *to = '\0';
    return to;
}

static void set_name(struct member *member)
{
    const struct header *header = member->header;
    char *end = member->name, *start = member->name;

    if (header->prefix[0]) {
        end = append(end, header->prefix, sizeof(header->prefix));
        *end++ = '/';
    }
    end = append(end, header->name, sizeof(header->name));
    while (end > start && end[-1] == '/')
        *--end = '\0';
    while (*start == '/' || (start[0] == '.' && start[1] == '/'))
        start++;
    if (start[0] == '.' && !start[1])
        start++;
    memmove(member->name, start, strlen(start) + 1);
}

/* The member at *at, which moves to the next one; false: the end. */
static bool next(const char **at, struct member *member)
{
    const struct header *header = (const struct header *)(const void *)*at;

    if (archive_end - *at < BLOCK || all_zero(*at))
        return false;
    if (memcmp(header->magic, "ustar", 6) != 0 || !checksum_ok(header))
        panic("archive: no ustar header at byte %lu",
              (unsigned long)(*at - archive_start));
    member->header = header;
    member->bytes = *at + BLOCK;
    member->size = octal(header->size, sizeof(header->size));
    set_name(member);
    if (member->size > (uint64_t)(archive_end - member->bytes))
        panic("archive: %s is cut off", member->name);
    *at = member->bytes + least(round_up(member->size, BLOCK),
                                (uint64_t)(archive_end - member->bytes));
    return true;
}

/* With bytes of its own: no hard link. */
static bool is_file(const struct member *member)
{
    return member->header->type == '0' || member->header->type == '\0';
}

bool archive_find(const char *name, const char **bytes, size_t *len)
{
    const char *at = archive_start;
    struct member member;

    while (*name == '/')
        name++;
    while (next(&at, &member)) {
        if (strcmp(member.name, name) == 0 && is_file(&member)) {
            *bytes = member.bytes;
            *len = member.size;
            return true;
        }
    }
    return false;
}

/* What a hard link names: a member that came before it. */
static struct inode *linked(const struct member *member)
{
    char path[sizeof(member->header->link) + 1];
    struct place place;

    append(path, member->header->link, sizeof(member->header->link));
    if (!path[0] || path_walk(the_root, path, PATH_NAME, &place) ||
        !place.inode || is_directory(place.inode))
        panic("archive: %s is linked to nothing", member->name);
    inode_get(place.inode);
    return place.inode;
}

static void unpack(const struct member *member)
{
    const struct header *header = member->header;
    uint32_t mode = octal(header->mode, sizeof(header->mode)) & 07777;
    char link[sizeof(header->link) + 1];
    struct inode *inode = NULL;

    switch (header->type) {
    case '0':
    case '\0': inode = regular_create(mode, member->bytes, member->size); break;
    case '1': inode = linked(member); break;
    case '2':
        append(link, header->link, sizeof(header->link));
        inode = inode_create_link(link, strlen(link));
        break;
    case '5': boot_directory(member->name, mode); return;
    case 'g': return; /* a comment, as git archive makes */
    default:
        panic("archive: %s is of an unknown type %c", member->name,
              header->type);
    }
    if (inode && header->type != '1')
        inode->accessed = inode->modified = inode->changed =
            octal(header->mtime, sizeof(header->mtime)) * 1000000000u;
    boot_enter(member->name, inode);
}

void archive_init(const void *start, const void *end)
{
    struct member member;
    const char *at = start;

    archive_start = start;
    archive_end = end;
    while (next(&at, &member))
        if (member.name[0])
            unpack(&member);
}
