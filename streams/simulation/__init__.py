"""The core in virtual time, without Kafka (`ronde simulate`)."""
