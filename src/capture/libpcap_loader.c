/* Loads libpcap when it is first needed. */
typedef int mqttsniff_libpcap_loader_not_empty;
