import java.lang.management.ManagementFactory;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.processor.StateRestoreListener;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.Stores;

/**
 * Kafka Streams on the worker's changelog: how long from the start of the process until its state is there.
 *
 * <p>Args: application id, store, source topic, state folder. The changelog of a store is named APPLICATION-STORE-changelog
 * by Kafka Streams and by Faust alike, so both read the very same records, into RocksDB, committed ones alone.
 */
public class Restore {
    static final AtomicLong restored = new AtomicLong();

    public static void main(String[] args) throws Exception {
        Properties p = new Properties();
        p.put("application.id", args[0]);
        p.put("bootstrap.servers", System.getenv("KAFKA_BOOTSTRAP_SERVERS"));
        p.put("state.dir", args[3]);
        p.put("num.stream.threads", "1");
        p.put("consumer.session.timeout.ms", "6000");
        p.put("processing.guarantee", "exactly_once_v2");
        StreamsBuilder builder = new StreamsBuilder();
        builder.addStateStore(Stores.keyValueStoreBuilder(
            Stores.persistentKeyValueStore(args[1]), Serdes.ByteArray(), Serdes.ByteArray()));
        builder.stream(args[2], Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
            .process(() -> new Processor<byte[], byte[], Void, Void>() {
                public void init(ProcessorContext<Void, Void> c) { c.getStateStore(args[1]); }
                public void process(Record<byte[], byte[]> r) { }
            }, args[1]);
        KafkaStreams streams = new KafkaStreams(builder.build(), p);
        streams.setGlobalStateRestoreListener(new StateRestoreListener() {
            public void onRestoreStart(TopicPartition t, String s, long from, long to) { }
            public void onBatchRestored(TopicPartition t, String s, long end, long n) { }
            public void onRestoreEnd(TopicPartition t, String s, long n) { restored.addAndGet(n); }
        });
        streams.setStateListener((now, before) -> {
            if (now == KafkaStreams.State.RUNNING) {
                long began = ManagementFactory.getRuntimeMXBean().getStartTime();
                System.out.printf("restored %d records, ready after %.2f s%n",
                    restored.get(), (System.currentTimeMillis() - began) / 1e3);
                System.out.flush();
                new Thread(() -> { streams.close(); Runtime.getRuntime().halt(0); }).start();
            }
        });
        streams.start();
        Thread.sleep(1_800_000);
    }
}
