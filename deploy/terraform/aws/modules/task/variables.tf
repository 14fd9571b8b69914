variable "name" {
  description = "Name of the task, such as `api`."
  type        = string
}

variable "prefix" {
  description = "Prefix of the names of all resources."
  type        = string
}

variable "region" {
  description = "Region of logs and metrics."
  type        = string
}

variable "program_image" {
  description = "The image of the program; its Node.js also prepares the certificates."
  type        = string
}

variable "image" {
  description = "The image that the task runs."
  type        = string
}

variable "repository_arns" {
  description = "Repositories that images come from."
  type        = list(string)
}

variable "entry_point" {
  description = "Replaces the entry point of the image; null keeps it."
  type        = list(string)
}

variable "command" {
  description = "Arguments of the entry point."
  type        = list(string)
}

variable "environment" {
  description = "Settings that are no secrets."
  type        = map(string)
}

variable "secrets" {
  description = "Variables whose value comes from Secrets Manager: the ARN, for a field of JSON with `:field::`."
  type        = map(string)
}

variable "port" {
  description = "Port that the daemon serves; null for none."
  type        = number
}

variable "ops_port" {
  description = "Port of the daemon's health and metrics; null for a task that runs once."
  type        = number
}

variable "cpu" {
  description = "Units of 1/1024 of a processor."
  type        = number
}

variable "memory" {
  description = "MiB of memory."
  type        = number
}

variable "stop_timeout" {
  description = "Seconds between SIGTERM and SIGKILL."
  type        = number
}

variable "volume" {
  description = "A directory that outlives the task, mounted at /var/lib/stellarindex; null for none."
  type = object({
    file_system_id   = string
    file_system_arn  = string
    access_point_id  = string
    access_point_arn = string
  })
}

variable "archive_arn" {
  description = "Bucket that the task may read and write; null for none."
  type        = string
}

variable "database_ca_pem" {
  description = "Certificates of the authorities that sign the database's, as PEM; written to /certificates/database.pem."
  type        = string
}

variable "metrics" {
  description = "The collector beside the daemon: its image, its configuration, and what it may write to; null for none."
  type = object({
    image         = string
    configuration = string
    workspace_arn = string
    log_group_arn = string
  })
}

variable "log_days" {
  description = "For how many days logs are kept."
  type        = number
}
