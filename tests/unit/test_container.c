#include "suites.h"
Suite *suite_container(void) { return suite_create("c"); }
