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

/// Time after a write in which the thread lets lines gather. A wake-up and a write for each line
/// would cost the threads that log as much as the line itself.
const GATHER: Duration = Duration::from_millis(5);
/// Bytes of lines that are written at a time, or one line more.
const BATCH: usize = 64 * 1024;

/// A log that never blocks: a line goes into a buffer, and a thread writes it with the next ones.
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
    fn drop_lines(&self, number: u64) {
        self.dropped.fetch_add(number, Ordering::Relaxed);
        counter!("sms_log_lines_dropped_total").increment(number);
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
            self.counts.drop_lines(1);
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

/// Lines that are written together.
#[derive(Debug, Default)]
struct Batch {
    bytes: Vec<u8>,
    /// Where each line ends.
    ends: Vec<usize>,
}

impl Batch {
    fn add(&mut self, line: &[u8]) {
        self.bytes.extend_from_slice(line);
        self.ends.push(self.bytes.len());
    }

    /// The number of lines that are not whole in this many bytes.
    fn lost(&self, written: usize) -> u64 {
        self.ends.iter().map(|end| u64::from(*end > written)).sum()
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

impl<W: Write, T: Fn(u64)> Thread<W, T> {
    fn run(mut self) {
        let mut batch = Batch::default();
        while let Ok(first) = self.entries.recv() {
            let mut next = Some(first);
            while let Some(entry) = next {
                match entry {
                    Entry::Line(line) => {
                        batch.add(&line);
                        if batch.bytes.len() >= BATCH {
                            self.write(&mut batch);
                        }
                    }
                    Entry::Flush(done) => {
                        self.write(&mut batch);
                        let _ = done.send(());
                    }
                }
                next = self.entries.try_recv().ok();
            }
            self.write(&mut batch);
            thread::sleep(GATHER);
        }
    }

    fn write(&mut self, batch: &mut Batch) {
        if batch.bytes.is_empty() {
            return;
        }
        let lost = batch.lost(self.write_bytes(&batch.bytes));
        self.counts.waiting.fetch_sub(batch.bytes.len(), Ordering::Relaxed);
        batch.clear();
        if lost == 0 {
            self.tell_dropped();
        } else {
            self.counts.drop_lines(lost);
        }
    }

    /// Writes until everything is written or the sink fails. Returns the number of bytes written.
    fn write_bytes(&mut self, bytes: &[u8]) -> usize {
        // Ends the line that was cut.
        if self.is_cut && self.sink.write_all(b"\n").is_err() {
            return 0;
        }
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            match self.sink.write(rest) {
                Ok(0) => break,
                Ok(more) => written += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        self.is_cut = written < bytes.len();
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
        writes: Arc<AtomicUsize>,
        /// Bytes that it takes in all; `None` for any number.
        room: Option<usize>,
    }

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.is_full.load(Ordering::Relaxed) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.writes.fetch_add(1, Ordering::Relaxed);
            let mut written = self.written.lock().expect("the sink");
            let room = self.room.map_or(bytes.len(), |room| room - written.len());
            if room == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            written.write(&bytes[..room.min(bytes.len())])
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
    fn lines_that_come_at_once_are_written_together_and_in_order() {
        let sink = Sink::default();
        let lines = Lines::start(sink.clone(), |_| ()).expect("a thread");
        let all: Vec<String> = (0..1000).map(|number| format!("line {number}\n")).collect();
        for line in &all {
            (&lines).write_all(line.as_bytes()).expect("never fails");
        }
        lines.flush(PATIENCE);
        assert_eq!(*sink.written.lock().expect("the sink"), all.concat().into_bytes());
        let writes = sink.writes.load(Ordering::Relaxed);
        assert!(writes < 200, "{writes} writes for 1000 lines");
    }

    #[test]
    fn of_lines_that_are_written_together_only_those_that_are_not_whole_are_lost() {
        let sink = Sink { room: Some(10), ..Sink::default() };
        let counts = Arc::new(Counts::default());
        let (_, entries) = mpsc::channel();
        let mut thread = Thread {
            sink: sink.clone(),
            tell: |_| (),
            entries,
            counts: Arc::clone(&counts),
            is_cut: false,
        };
        let mut batch = Batch::default();
        for line in [b"one\n", b"two\n", b"six\n", b"ten\n"] {
            counts.waiting.fetch_add(line.len(), Ordering::Relaxed);
            batch.add(line);
        }
        thread.write(&mut batch);
        assert_eq!(*sink.written.lock().expect("the sink"), b"one\ntwo\nsi");
        assert_eq!(counts.dropped.load(Ordering::Relaxed), 2);
        assert_eq!(counts.waiting.load(Ordering::Relaxed), 0);
        assert!(thread.is_cut && batch.bytes.is_empty() && batch.ends.is_empty());
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
