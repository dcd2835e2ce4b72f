/* librdkafka waits by C11's cnd_timedwait until a moment of the wall clock, and libfaketime does not know that call.
   Here it becomes pthread_cond_timedwait, which libfaketime knows: on glibc both have the same objects. */
#include <errno.h>
#include <pthread.h>
#include <threads.h>

int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex, const struct timespec *restrict until) {
    int failed = pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until);
    return failed == 0 ? thrd_success : failed == ETIMEDOUT ? thrd_timedout : thrd_error;
}
