//! Buffer of log lines, and the thread that writes them.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use metrics::counter;
use tracing_subscriber::fmt::MakeWriter;

/// Bytes of lines in the buffer at most. Further lines are dropped.
const MAX_WAITING: usize = 4 * 1024 * 1024;
/// Bytes in the buffer below which the line about dropped lines is written, so that it is not
/// dropped itself.
const HAS_ROOM: usize = MAX_WAITING / 2;

/// A log that never blocks: a line goes into a buffer, and a thread writes it.
///
/// Lines are lost when the sink is slow, does not read or cannot be written. They are counted, and
/// one line tells their number as soon as the sink accepts lines again. A clone shares the buffer.
///
/// `tracing-appender` does most of this. But it ends with a `println!`, which blocks or panics when
/// nobody reads standard output; it bounds lines and not bytes; it does not count failed writes.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    entries: Sender<Entry>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    /// Bytes in the buffer.
    waiting: AtomicUsize,
    /// Lines lost since the last line about them.
    dropped: AtomicU64,
}

#[derive(Debug)]
enum Entry {
    Line(Vec<u8>),
    /// Answered when everything before it is written.
    Flush(Sender<()>),
}

impl Counts {
    fn drop_line(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
        counter!("sms_log_lines_dropped_total").increment(1);
    }
}

impl Lines {
    /// Starts the thread that writes to this sink. It calls `tell` with the number of dropped lines
    /// once there is room for a line about them.
    ///
    /// # Errors
    ///
    /// A thread that cannot be started.
    pub(super) fn start(
        sink: impl Write + Send + 'static,
        tell: impl Fn(u64) + Send + 'static,
    ) -> io::Result<Self> {
        let (entries, waiting) = mpsc::channel();
        let counts = Arc::new(Counts::default());
        let thread =
            Thread { sink, tell, entries: waiting, counts: Arc::clone(&counts), is_cut: false };
        thread::Builder::new().name("log".to_owned()).spawn(move || thread.run())?;
        Ok(Self { entries, counts })
    }

    /// Waits until everything logged so far is written, up to this limit.
    pub(super) fn flush(&self, limit: Duration) {
        let (done, written) = mpsc::channel();
        if self.entries.send(Entry::Flush(done)).is_ok() {
            let _ = written.recv_timeout(limit);
        }
    }

    fn add(&self, line: &[u8]) {
        let Counts { waiting, .. } = &*self.counts;
        let before = waiting.fetch_add(line.len(), Ordering::Relaxed);
        let has_room = before + line.len() <= MAX_WAITING;
        if !has_room || self.entries.send(Entry::Line(line.to_vec())).is_err() {
            waiting.fetch_sub(line.len(), Ordering::Relaxed);
            self.counts.drop_line();
        }
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

/// Each write is one whole line: `tracing_subscriber::fmt` writes them so.
impl Write for &Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.add(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Thread<W, T> {
    sink: W,
    tell: T,
    entries: Receiver<Entry>,
    counts: Arc<Counts>,
    /// Set after a failed write, which may have ended in the middle of a line.
    is_cut: bool,
}

impl<W: Write, T: Fn(u64)> Thread<W, T> {
    fn run(mut self) {
        while let Ok(entry) = self.entries.recv() {
            match entry {
                Entry::Line(line) => {
                    let written = self.write(&line);
                    self.counts.waiting.fetch_sub(line.len(), Ordering::Relaxed);
                    match written {
                        Ok(()) => self.tell_dropped(),
                        Err(_) => self.counts.drop_line(),
                    }
                }
                Entry::Flush(done) => _ = done.send(()),
            }
        }
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.is_cut {
            // Ends the line that was cut.
            self.sink.write_all(b"\n")?;
        }
        let written = self.sink.write_all(line);
        self.is_cut = written.is_err();
        written
    }

    fn tell_dropped(&self) {
        let Counts { waiting, dropped } = &*self.counts;
        if dropped.load(Ordering::Relaxed) > 0 && waiting.load(Ordering::Relaxed) <= HAS_ROOM {
            (self.tell)(dropped.swap(0, Ordering::Relaxed));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::sync::Mutex;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    /// A sink that fails for as long as it is told to.
    #[derive(Clone, Default)]
    struct Sink {
        is_full: Arc<std::sync::atomic::AtomicBool>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.is_full.load(Ordering::Relaxed) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.written.lock().expect("the sink").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_sink_that_does_not_read_blocks_nobody_and_the_lines_it_missed_are_told_when_it_does() {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        let (tell, told) = mpsc::channel();
        let lines = Lines::start(writer, move |dropped| tell.send(dropped).expect("a test"))
            .expect("a thread");
        let line = [b"x".repeat(1023), b"\n".to_vec()].concat();
        for _ in 0..MAX_WAITING / line.len() + 1000 {
            (&lines).write_all(&line).expect("never fails");
        }
        let before = tokio::time::Instant::now();
        lines.flush(Duration::from_millis(50));
        assert!(before.elapsed() < PATIENCE, "a flush is bounded");
        let read = thread::spawn(move || {
            let mut read = Vec::new();
            reader.read_to_end(&mut read).map(|_| read.len())
        });
        let dropped = told.recv_timeout(PATIENCE).expect("told");
        // The pipe holds some of them.
        assert!((800..=1000).contains(&dropped), "{dropped}");
        lines.flush(PATIENCE);
        drop(lines);
        let read = read.join().expect("no panic").expect("a pipe");
        assert!(read >= MAX_WAITING, "what was in the buffer is written: {read}");
    }

    #[test]
    fn lines_lost_to_a_full_disk_are_told_when_it_has_room_again_and_the_next_one_is_whole() {
        let sink = Sink::default();
        let (tell, told) = mpsc::channel();
        let lines = Lines::start(sink.clone(), move |dropped| tell.send(dropped).expect("a test"))
            .expect("a thread");
        sink.is_full.store(true, Ordering::Relaxed);
        for _ in 0..3 {
            (&lines).write_all(b"lost\n").expect("never fails");
        }
        lines.flush(PATIENCE);
        assert_eq!(told.try_iter().count(), 0);
        sink.is_full.store(false, Ordering::Relaxed);
        (&lines).write_all(b"written\n").expect("never fails");
        lines.flush(PATIENCE);
        assert_eq!(told.try_iter().collect::<Vec<_>>(), [3]);
        assert_eq!(*sink.written.lock().expect("the sink"), b"\nwritten\n");
    }
}
