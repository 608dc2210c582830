// Forgot initialize.
extern "C" int process(void*, const void*, int, void**, int*) { return 200; }
