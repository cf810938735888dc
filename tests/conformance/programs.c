/*
 * programs.c: what programs do, on any CPU; and the files they map.
 */
#include "conformance.h"

void conf_cpu(struct conf *c, unsigned cpu)
{
    if (c->failed || cpu == c->cpu)
        return;
    CHECK(c, cpu < conf_ncpus(c) && c->m->cpu_set);
    c->m->cpu_set(c->m->ctx, cpu);
    c->cpu = cpu;
}

void conf_activate(struct conf *c, struct lp_space *space)
{
    if (c->failed || c->active[c->cpu] == space)
        return;
    c->m->activate(c->m->ctx, c->pager, space);
    c->active[c->cpu] = space;
    conf_check(c);
}

/* A fetch on a machine that has no means for it. */
static enum lp_fault_code fetch(struct conf *c, struct lp_space *space,
                                lp_va va)
{
    struct lp_fault_result result;
    struct lp_page_info info;
    unsigned tries;

    for (tries = 0; tries < 4; tries++) {
        if (lp_query(space, va, &info) == 0 && (info.access & LP_EXEC))
            return LP_FAULT_OK;
        if (conf_fault(c, space, va, LP_EXEC, LP_FAULT_USER, &result))
            return result.code;
    }
    conf_fail(c, __FILE__, __LINE__, "resolved again and again", va, 0);
    return LP_FAULT_OK;
}

enum lp_fault_code conf_access(struct conf *c, struct lp_space *space,
                               unsigned access, lp_va va, void *buffer,
                               size_t len)
{
    enum lp_fault_code code;
    uint64_t before;

    conf_activate(c, space);
    if (c->failed)
        return LP_FAULT_OK;
    if (access == LP_EXEC && !c->m->can_fetch)
        return fetch(c, space, va);
    before = c->events;
    code = c->m->access(c->m->ctx, access, va, buffer, len);
    if (c->events != before)
        conf_check(c);
    return code;
}

enum lp_fault_code conf_touch(struct conf *c, struct lp_space *space,
                              unsigned access, lp_va va)
{
    unsigned char byte = 0xa5;

    return conf_access(c, space, access, va, access == LP_EXEC ? NULL : &byte,
                       1);
}

void conf_put(struct conf *c, struct lp_space *space, lp_va va, uint64_t value)
{
    enum lp_fault_code code =
        conf_access(c, space, LP_WRITE, va, &value, sizeof(value));

    if (code != LP_FAULT_OK)
        conf_fail(c, __FILE__, __LINE__, "store refused [va, code]", va, code);
}

uint64_t conf_get(struct conf *c, struct lp_space *space, lp_va va)
{
    uint64_t value = 0;
    enum lp_fault_code code =
        conf_access(c, space, LP_READ, va, &value, sizeof(value));

    if (code != LP_FAULT_OK)
        conf_fail(c, __FILE__, __LINE__, "load refused [va, code]", va, code);
    return value;
}

void conf_put_pages(struct conf *c, struct lp_space *space, lp_va va,
                    uint64_t npages, uint64_t value)
{
    uint64_t i;

    for (i = 0; i < npages; i++)
        conf_put(c, space, va + i * PAGE, value + i);
}

void conf_expect_pages(struct conf *c, struct lp_space *space, lp_va va,
                       uint64_t npages, uint64_t value)
{
    uint64_t i;

    for (i = 0; i < npages; i++)
        CHECK_EQ(c, conf_get(c, space, va + i * PAGE), value + i);
}

/* --- files --- */

unsigned char conf_byte(uint64_t i)
{
    return (unsigned char)(1 + (i * 7 + (i >> 12) * 31) % 251);
}

uint64_t conf_file_word(const struct conf *c, unsigned file, uint64_t offset)
{
    uint64_t word;

    memcpy(&word, c->files[file].bytes + offset, sizeof(word));
    return word;
}

/* Does the library keep its side of struct lp_object_ops? */
static void look(struct conf_file *file, uint64_t offset, size_t len)
{
    if (offset % PAGE || len < 1 || len > PAGE || offset >= file->size ||
        len > file->size - offset ||
        (len < PAGE && offset + len != file->size) || file->released)
        file->strange = true;
}

static int file_fill(void *ctx, uint64_t offset, void *page, size_t len)
{
    struct conf_file *file = ctx;

    look(file, offset, len);
    if (file->strange)
        return -LP_EIO;
    file->nfills++;
    if (file->fill_failures) {
        file->fill_failures--;
        return file->fill_error;
    }
    file->fills[offset / PAGE]++;
    memcpy(page, file->bytes + offset, len);
    return 0;
}

static int file_write(void *ctx, uint64_t offset, const void *page, size_t len)
{
    struct conf_file *file = ctx;
    const struct conf_machine *m = file->conf->m;

    look(file, offset, len);
    if (file->strange)
        return -LP_EIO;
    file->nwrites++;
    if (file->write_failures) {
        file->write_failures--;
        return file->write_error;
    }
    if (m->wrote_back)
        m->wrote_back(m->ctx, page);
    file->writes[offset / PAGE]++;
    memcpy(file->bytes + offset, page, len);
    return 0;
}

static void file_release(void *ctx)
{
    ((struct conf_file *)ctx)->released++;
}

static void keep_object(struct conf *c, struct lp_object *object)
{
    unsigned i;

    for (i = 0; i < CONF_OBJECTS; i++)
        if (!c->objects[i]) {
            c->objects[i] = object;
            return;
        }
    conf_fail(c, __FILE__, __LINE__, "too many objects", CONF_OBJECTS, 0);
}

struct lp_object *conf_open(struct conf *c, unsigned number, uint64_t size,
                            unsigned flags)
{
    static const struct lp_object_ops ops = { file_fill, file_write,
                                              file_release };
    struct conf_file *file = &c->files[number];
    uint64_t i;
    int error;

    if (c->failed)
        return NULL;
    memset(file, 0, sizeof(*file));
    file->conf = c;
    file->size = size;
    for (i = 0; i < size; i++)
        file->bytes[i] = conf_byte(i);
    error = lp_object_create(c->pager, &ops, file, size, flags, &file->object);
    if (error) {
        conf_fail(c, __FILE__, __LINE__, "lp_object_create", (uint64_t)-error,
                  0);
        return NULL;
    }
    keep_object(c, file->object);
    conf_check(c);
    return file->object;
}

int conf_resize(struct conf *c, unsigned number, uint64_t size)
{
    struct conf_file *file = &c->files[number];
    int error;

    if (c->failed)
        return -1;
    if (size < file->size)
        memset(file->bytes + size, 0, file->size - size);
    file->size = size;
    error = lp_object_resize(file->object, size);
    conf_check(c);
    return error;
}

void conf_close(struct conf *c, struct lp_object *object)
{
    unsigned i;

    if (c->failed)
        return;
    for (i = 0; i < CONF_OBJECTS; i++)
        if (c->objects[i] == object)
            c->objects[i] = NULL;
    lp_object_put(object);
    conf_check(c);
}

struct lp_object *conf_device(struct conf *c, uint64_t npages, unsigned flags)
{
    struct lp_object *object = NULL;
    int error;

    if (c->failed)
        return NULL;
    error = lp_object_create_device(c->pager, c->m->device, npages * PAGE,
                                    LP_CACHE_UNCACHED, flags, &object);
    if (error) {
        conf_fail(c, __FILE__, __LINE__, "lp_object_create_device",
                  (uint64_t)-error, 0);
        return NULL;
    }
    keep_object(c, object);
    conf_check(c);
    return object;
}
