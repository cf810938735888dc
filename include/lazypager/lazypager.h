/*
 * lazypager.h: everything.
 *
 * A kernel fills struct lp_arch (or takes a backend's) and struct lp_kernel,
 * calls lp_pager_create once, lp_space_create for each process, lp_mmap for
 * its areas, lp_activate when it switches, and lp_handle_fault from its
 * page-fault handler.
 */
#ifndef LAZYPAGER_LAZYPAGER_H
#define LAZYPAGER_LAZYPAGER_H

/* Semantic versioning: 1.2.3 is 0x010203. */
#define LP_VERSION 0x000100
#define LP_VERSION_STRING "0.1.0"

#include <lazypager/arch.h>
#include <lazypager/error.h>
#include <lazypager/fault.h>
#include <lazypager/kernel.h>
#include <lazypager/kmap.h>
#include <lazypager/object.h>
#include <lazypager/pager.h>
#include <lazypager/space.h>
#include <lazypager/user.h>
#include <lazypager/watch.h>

#endif
