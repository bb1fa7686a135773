/* The verb `test`: plays scenes. Exit status 0 passed, 1 failed, 2 a scene that cannot be played. */
#pragma once

int test_main(int argc, char **argv);
