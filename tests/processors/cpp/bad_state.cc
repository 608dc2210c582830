// Refuses its model.
extern "C" void* initialize(const char*, const char*, int* state) { return *state = 7, state; }
extern "C" int process(void*, const void*, int, void**, int*) { return 200; }
