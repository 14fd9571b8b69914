variable "name" {
  description = "Prefix of the names of all resources; short, because some names may have 32 characters."
  type        = string
  default     = "stellarindex"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,15}$", var.name))
    error_message = "Write 2 to 16 lower case letters, digits and hyphens."
  }
}

variable "region" {
  description = "Region of everything."
  type        = string
}

variable "zones" {
  description = "Two availability zones of the region; a gateway runs in each."
  type        = list(string)

  validation {
    condition     = length(var.zones) == 2
    error_message = "Give two availability zones."
  }
}

variable "cidr" {
  description = "Addresses of the network."
  type        = string
  default     = "10.40.0.0/16"
}

variable "certificate_arn" {
  description = "Certificate of ACM that covers `api_host` and `gateway_host`."
  type        = string
}

variable "api_host" {
  description = "Host name of the API."
  type        = string
}

variable "gateway_host" {
  description = "Host name of the gateway."
  type        = string
}

variable "client_cidrs" {
  description = "Who may call the API and the gateway."
  type        = list(string)
  default     = ["0.0.0.0/0"]
}

variable "control_client_security_group_ids" {
  description = "Security groups in the network that may call the control API: workers of your own, a host of operators."
  type        = list(string)
  default     = []
}

variable "image_tag" {
  description = "Version of the program, a tag in the repository `stellarindex`."
  type        = string
}

variable "collector_tag" {
  description = "Version of the AWS Distro for OpenTelemetry Collector, a tag in the repository `collector`."
  type        = string
}

variable "psql_tag" {
  description = "Version of the PostgreSQL image that has psql, a tag in the repository `psql`."
  type        = string
}

variable "database_ca_file" {
  description = "File with the certificates of the authorities of RDS in this region."
  type        = string
}

variable "running" {
  description = "Whether the daemons run. false until the tasks `bootstrap`, `migrate` and `rights` have run for the first time."
  type        = bool
  default     = false
}

variable "settings" {
  description = "Settings of the program for all daemons, by variable (STELLARINDEX_AGGREGATE_PAIRS and the like). No secrets."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.settings) : startswith(name, "STELLARINDEX_")])
    error_message = "Names of settings begin with STELLARINDEX_."
  }
}

variable "database_class" {
  description = "Size of PostgreSQL."
  type        = string
  default     = "db.m7g.large"
}

variable "database_storage_gb" {
  description = "Disk of PostgreSQL to begin with, in GiB."
  type        = number
  default     = 100
}

variable "database_max_storage_gb" {
  description = "Size up to which that disk grows by itself, in GiB."
  type        = number
  default     = 1000
}

variable "backup_days" {
  description = "For how many days the database can be restored to any moment."
  type        = number
  default     = 14
}

variable "redis_node_type" {
  description = "Size of Redis."
  type        = string
  default     = "cache.t4g.small"
}

variable "archive_bucket" {
  description = "Name of the bucket of the archive, unique in the world."
  type        = string
}

variable "alarm_email" {
  description = "Who is told of alarms and alerts; the address has to confirm. Empty for nobody."
  type        = string
  default     = ""
}

variable "password_version" {
  description = "Raise it to change all passwords of roles and of Redis; see the README."
  type        = number
  default     = 1
}

variable "log_days" {
  description = "For how many days logs are kept."
  type        = number
  default     = 30
}
