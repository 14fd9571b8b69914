variable "name" {
  description = "Prefix of the names of all resources."
  type        = string
}

variable "region" {
  description = "Region of the services."
  type        = string
}

variable "vpc_id" {
  description = "The network."
  type        = string
}

variable "subnet_ids" {
  description = "One subnet in each zone."
  type        = list(string)
}

variable "security_group_id" {
  description = "The security group of the endpoints."
  type        = string
}
