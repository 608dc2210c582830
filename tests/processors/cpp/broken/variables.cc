// Has variables where EAS's functions should be.
extern "C" {
extern int initialize, process;
int initialize = 1, process = 2;
}
