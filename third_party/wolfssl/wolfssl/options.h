/* A source tree has no options.h, and that of an installed wolfSSL describes another
 * build with other structure layouts: this one must be found first. */
#include "user_settings.h"
