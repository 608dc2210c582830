// Calls a function that nothing defines.
int nobody_defines_this(double);
extern "C" void* initialize(const char*, const char*, int* state) { return *state = 0, nullptr; }
extern "C" int process(void*, const void*, int, void**, int*) { return nobody_defines_this(1); }
