"""The receiver: alarms from panels by ANSI/SIA DC-09 and HTTP, acknowledged once they are in Kafka."""
