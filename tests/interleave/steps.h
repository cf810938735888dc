/*
 * steps.h: put in front of every file of the core (-include) when it is built
 * for the explorer: each atomic operation first calls lp_step, where another
 * virtual CPU may go on instead.
 *
 * The core does everything that CPUs could see of each other by the operations
 * below, or under a lock that is made of them; so these are all the places
 * where the order of CPUs can matter, as far as one order of all operations
 * goes.  (What weaker memory orders add is not explored.)
 */
#ifndef LP_INTERLEAVE_STEPS_H
#define LP_INTERLEAVE_STEPS_H

#include <stdatomic.h>

void lp_step(const char *file, int line);

#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_exchange_explicit
#undef atomic_compare_exchange_weak_explicit
#undef atomic_compare_exchange_strong_explicit
#undef atomic_fetch_add_explicit
#undef atomic_fetch_sub_explicit
#undef atomic_fetch_or_explicit
#undef atomic_fetch_and_explicit
#undef atomic_fetch_xor_explicit
#undef atomic_load
#undef atomic_store
#undef atomic_exchange
#undef atomic_compare_exchange_weak
#undef atomic_compare_exchange_strong
#undef atomic_fetch_add
#undef atomic_fetch_sub
#undef atomic_fetch_or
#undef atomic_fetch_and
#undef atomic_fetch_xor

/* clang has builtins of its own for _Atomic types; gcc takes these. */
#ifdef __clang__
#define LP_RAW(op, ...) __c11_atomic_##op(__VA_ARGS__)
#define LP_RAW_CAS(op, p, e, v, s, f) \
    __c11_atomic_compare_exchange_##op(p, e, v, s, f)
#else
#define LP_RAW_load(...) __atomic_load_n(__VA_ARGS__)
#define LP_RAW_store(...) __atomic_store_n(__VA_ARGS__)
#define LP_RAW_exchange(...) __atomic_exchange_n(__VA_ARGS__)
#define LP_RAW_fetch_add(...) __atomic_fetch_add(__VA_ARGS__)
#define LP_RAW_fetch_sub(...) __atomic_fetch_sub(__VA_ARGS__)
#define LP_RAW_fetch_or(...) __atomic_fetch_or(__VA_ARGS__)
#define LP_RAW_fetch_and(...) __atomic_fetch_and(__VA_ARGS__)
#define LP_RAW_fetch_xor(...) __atomic_fetch_xor(__VA_ARGS__)
#define LP_RAW(op, ...) LP_RAW_##op(__VA_ARGS__)
#define LP_RAW_weak 1
#define LP_RAW_strong 0
#define LP_RAW_CAS(op, p, e, v, s, f) \
    __atomic_compare_exchange_n(p, e, v, LP_RAW_##op, s, f)
#endif

#define LP_STEP(...) (lp_step(__FILE__, __LINE__), __VA_ARGS__)
#define LP_SC memory_order_seq_cst

#define atomic_load_explicit(p, o) LP_STEP(LP_RAW(load, p, o))
#define atomic_store_explicit(p, v, o) LP_STEP(LP_RAW(store, p, v, o))
#define atomic_exchange_explicit(p, v, o) LP_STEP(LP_RAW(exchange, p, v, o))
#define atomic_fetch_add_explicit(p, v, o) LP_STEP(LP_RAW(fetch_add, p, v, o))
#define atomic_fetch_sub_explicit(p, v, o) LP_STEP(LP_RAW(fetch_sub, p, v, o))
#define atomic_fetch_or_explicit(p, v, o) LP_STEP(LP_RAW(fetch_or, p, v, o))
#define atomic_fetch_and_explicit(p, v, o) LP_STEP(LP_RAW(fetch_and, p, v, o))
#define atomic_fetch_xor_explicit(p, v, o) LP_STEP(LP_RAW(fetch_xor, p, v, o))
#define atomic_compare_exchange_weak_explicit(p, e, v, s, f) \
    LP_STEP(LP_RAW_CAS(weak, p, e, v, s, f))
#define atomic_compare_exchange_strong_explicit(p, e, v, s, f) \
    LP_STEP(LP_RAW_CAS(strong, p, e, v, s, f))

#define atomic_load(p) atomic_load_explicit(p, LP_SC)
#define atomic_store(p, v) atomic_store_explicit(p, v, LP_SC)
#define atomic_exchange(p, v) atomic_exchange_explicit(p, v, LP_SC)
#define atomic_fetch_add(p, v) atomic_fetch_add_explicit(p, v, LP_SC)
#define atomic_fetch_sub(p, v) atomic_fetch_sub_explicit(p, v, LP_SC)
#define atomic_fetch_or(p, v) atomic_fetch_or_explicit(p, v, LP_SC)
#define atomic_fetch_and(p, v) atomic_fetch_and_explicit(p, v, LP_SC)
#define atomic_fetch_xor(p, v) atomic_fetch_xor_explicit(p, v, LP_SC)
#define atomic_compare_exchange_weak(p, e, v) \
    atomic_compare_exchange_weak_explicit(p, e, v, LP_SC, LP_SC)
#define atomic_compare_exchange_strong(p, e, v) \
    atomic_compare_exchange_strong_explicit(p, e, v, LP_SC, LP_SC)

#endif
