package peers;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.*;
import org.apache.avro.Schema;
import org.apache.avro.generic.*;
import org.apache.avro.io.*;
import org.apache.avro.util.Utf8;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.*;

/** Kafka Streams, Processor API, exactly_once_v2. Usage: as the Python contenders, plus --store, --threads, --set k=v,k=v. */
public class Peer {
    static final String S = "{\"name\":\"%s\",\"type\":\"string\"}", I = "{\"name\":\"%s\",\"type\":\"int\"}", L = "{\"name\":\"%s\",\"type\":\"long\"}",
        A = "{\"name\":\"%s\",\"type\":{\"type\":\"array\",\"items\":\"string\"}}";
    static Schema schema(String name, String... fields) {
        return new Schema.Parser().parse("{\"type\":\"record\",\"name\":\"" + name + "\",\"fields\":[" + String.join(",", fields) + "]}");
    }
    static String f(String kind, String name) { return String.format(kind, name); }
    static final Schema ALERT = schema("Alert", f(S, "alert_id"), f(S, "site_id"),
        "{\"name\":\"kind\",\"type\":{\"type\":\"enum\",\"name\":\"Kind\",\"symbols\":[\"INTRUSION\",\"DURESS\",\"TAMPER\",\"FIRE\"]}}",
        f(L, "raised_at"), "{\"name\":\"zone\",\"type\":[\"null\",\"string\"],\"default\":null}");
    static final Schema CALL = schema("CallCommand", f(S, "command_id"), f(S, "incident_id"), f(S, "site_id"), f(S, "contact_id"),
        f(I, "round"), f(I, "position"), f(L, "issued_at"), f(L, "expires_at"), f(S, "reason"));
    static final Schema STATE = schema("Incident", f(S, "incident_id"), f(S, "site_id"), f(I, "phase"), f(I, "round"), f(I, "position"),
        f(L, "deadline"), f(I, "version"), f(A, "alerts"), f(A, "contacts"));
    static final Schema DECISION = schema("Decision", f(S, "incident_id"), f(I, "version"), f(L, "at"), f(S, "event"), f(S, "event_id"),
        f(S, "reason"), f(I, "from_phase"), f(I, "to_phase"));

    /** One per thread: Avro encoders and decoders are not thread safe. */
    static class Codec {
        final GenericDatumReader<GenericRecord> reader;
        final GenericDatumWriter<GenericRecord> writer;
        BinaryDecoder decoder;
        BinaryEncoder encoder;
        Codec(Schema s) { reader = new GenericDatumReader<>(s); writer = new GenericDatumWriter<>(s); }
        GenericRecord dec(byte[] b) {
            try {
                decoder = DecoderFactory.get().binaryDecoder(b, 5, b.length - 5, decoder);
                return reader.read(null, decoder);
            } catch (IOException e) { throw new UncheckedIOException(e); }
        }
        byte[] enc(GenericRecord r) {
            try {
                ByteArrayOutputStream out = new ByteArrayOutputStream(256);
                out.write(0); out.write(0); out.write(0); out.write(0); out.write(1);
                encoder = EncoderFactory.get().directBinaryEncoder(out, encoder);
                writer.write(r, encoder);
                return out.toByteArray();
            } catch (IOException e) { throw new UncheckedIOException(e); }
        }
    }

    static GenericRecord record(Schema s, Object... values) {
        GenericRecord r = new GenericData.Record(s);
        for (int i = 0; i < values.length; i++) r.put(i, values[i]);
        return r;
    }

    static class Merge implements Processor<String, byte[], String, byte[]> {
        ProcessorContext<String, byte[]> context;
        KeyValueStore<String, GenericRecord> store;
        MessageDigest md5;
        final Codec alert = new Codec(ALERT), call = new Codec(CALL), decisions = new Codec(DECISION);

        public void init(ProcessorContext<String, byte[]> c) {
            context = c;
            store = c.getStateStore("incidents");
            try { md5 = MessageDigest.getInstance("MD5"); } catch (Exception e) { throw new RuntimeException(e); }
        }

        String ident(Object... parts) {
            StringBuilder b = new StringBuilder();
            for (Object p : parts) b.append(b.length() > 0 ? "|" : "").append(p);
            return HexFormat.of().formatHex(md5.digest(b.toString().getBytes(StandardCharsets.UTF_8)));
        }

        public void process(Record<String, byte[]> in) {
            GenericRecord a = alert.dec(in.value());
            long now = System.currentTimeMillis();
            Utf8 site = (Utf8) a.get(1), aid = (Utf8) a.get(0);
            GenericRecord inc = store.get(in.key());
            GenericRecord decision;
            if (inc == null) {
                String iid = ident(site, aid);
                inc = record(STATE, iid, site, 1, 1, 0, now + 120000, 1, new ArrayList<>(List.of(aid)), List.of("c1", "c2"));
                context.forward(in.withValue(call.enc(record(CALL, ident(iid, 1, 0), iid, site, "c1", 1, 0, now, now + 120000, "first-round"))), "calls");
                decision = record(DECISION, iid, 1, now, "alert", aid, "opened", 0, 1);
            } else {
                @SuppressWarnings("unchecked") List<Object> seen = (List<Object>) inc.get(7);
                if (seen.contains(aid)) return;
                seen.add(aid);
                if (seen.size() > 20) seen.remove(0);
                inc.put(6, (int) inc.get(6) + 1);
                decision = record(DECISION, inc.get(0), inc.get(6), now, "alert", aid, "merged", 1, 1);
            }
            store.put(in.key(), inc);
            context.forward(in.withValue(decisions.enc(decision)), "decisions");
        }
    }

    public static void main(String[] args) {
        Map<String, String> o = new HashMap<>(Map.of("store", "rocksdb", "threads", "1", "set", "", "caching", "0"));
        for (int i = 0; i < args.length; i += 2) o.put(args[i].substring(2), args[i + 1]);
        Properties p = new Properties();
        p.put(StreamsConfig.APPLICATION_ID_CONFIG, o.get("group"));
        p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, o.get("bootstrap"));
        p.put(StreamsConfig.STATE_DIR_CONFIG, o.get("dir"));
        p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, o.get("threads"));
        p.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, "1");
        p.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        p.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
        p.put("auto.offset.reset", "earliest");
        p.put("main.consumer.session.timeout.ms", "6000");
        p.put("main.consumer.heartbeat.interval.ms", "2000");
        for (String kv : o.get("set").split(",")) if (!kv.isEmpty()) p.put(kv.split("=")[0], kv.split("=")[1]);

        ThreadLocal<Codec> state = ThreadLocal.withInitial(() -> new Codec(STATE));
        Serde<GenericRecord> serde = Serdes.serdeFrom((t, r) -> r == null ? null : state.get().enc(r), (t, b) -> b == null ? null : state.get().dec(b));
        StoreBuilder<KeyValueStore<String, GenericRecord>> store = Stores.keyValueStoreBuilder(o.get("store").equals("memory")
            ? Stores.inMemoryKeyValueStore("incidents") : Stores.persistentKeyValueStore("incidents"), Serdes.String(), serde);
        if (o.get("caching").equals("1")) store = store.withCachingEnabled();
        Topology t = new Topology().addSource("alerts", o.get("alerts")).addProcessor("merge", Merge::new, "alerts")
            .addStateStore(store, "merge").addSink("calls", o.get("calls"), "merge").addSink("decisions", o.get("decisions"), "merge");
        KafkaStreams streams = new KafkaStreams(t, p);
        streams.setUncaughtExceptionHandler(e -> { e.printStackTrace(); return org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse.SHUTDOWN_CLIENT; });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(java.time.Duration.ofSeconds(5))));
        streams.start();
    }
}
