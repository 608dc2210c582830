// Ends a worker when its host dies; and when the worker dies, ends the processes that the processor started.
#ifndef EAS_NATIVE_PARENT_DEATH_H_
#define EAS_NATIVE_PARENT_DEATH_H_

namespace eas {

// See eas_die_with_parent.
void DieWithParent(int parent);

}  // namespace eas

#endif  // EAS_NATIVE_PARENT_DEATH_H_
