#include "suites.h"
Suite *suite_mem(void) { return suite_create("m"); }
