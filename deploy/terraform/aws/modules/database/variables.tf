variable "name" {
  description = "Prefix of the names of all resources."
  type        = string
}

variable "subnet_ids" {
  description = "One subnet in each zone."
  type        = list(string)
}

variable "security_group_id" {
  description = "The security group of the database."
  type        = string
}

variable "instance_class" {
  description = "Size of the primary, and of its standby."
  type        = string
}

variable "storage_gb" {
  description = "Disk to begin with, in GiB."
  type        = number
}

variable "max_storage_gb" {
  description = "Size up to which the disk grows by itself, in GiB."
  type        = number
}

variable "backup_days" {
  description = "For how many days the database can be restored to any moment."
  type        = number
}
