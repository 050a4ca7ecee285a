#include "user_settings.h"
